import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { openCpuSync } from "../../src/backends/cpu/openCpuSync.browser.js";
import { openWasm } from "../../src/backends/cpu/wasmHost.browser.js";

afterEach(() => vi.unstubAllGlobals());

const single = readFileSync(new URL("../../wasm/single.wasm", import.meta.url));

test("a page in place of the WASM file is an error that says so, and the next try loads the file anew", async () => {
  const answers = [
    new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
    new Response("", { status: 404, statusText: "Not Found" }),
    new Response(new Uint8Array(single)),
  ];
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL) => {
    asked.push(url.pathname.split("/").at(-1)!);
    return answers.shift();
  });
  await expect(openWasm()).rejects.toThrow(
    /\[cpu\] .*single\.wasm is no WASM file \(the server says text\/html\).*optimizeDeps/,
  );
  await expect(openWasm()).rejects.toThrow(/single\.wasm could not be loaded: 404 Not Found/);
  const backend = await openWasm({ threads: 4 });
  // No isolation, and so no shared memory: the build for one thread.
  expect(backend.engine.threads).toBe(1);
  expect(backend.engine.canQueue).toBe(false);
  expect(asked).toEqual(["single.wasm", "single.wasm", "single.wasm"]);
  await backend.close();
});

test("a result without a backend is an error that says how to open one", () => {
  expect(() => openCpuSync()).toThrow("[cpu] no backend is open. In a browser, `use(await openCpu())` once");
});
