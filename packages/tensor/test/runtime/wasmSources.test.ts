import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wasmHash } from "../../kernels/sources.mjs";

test.each(["threaded", "single"] as const)("%s.wasm is built from the sources as they are", async (name) => {
  const bytes = readFileSync(new URL(`../../wasm/${name}.wasm`, import.meta.url));
  const module = await WebAssembly.compile(bytes);
  const [section] = WebAssembly.Module.customSections(module, "fai-sources");
  const advice = "the kernels changed: run npm run build:wasm -w @fai/tensor (needs clang and lld)";
  expect(new TextDecoder().decode(section), advice).toBe(wasmHash(name));
});
