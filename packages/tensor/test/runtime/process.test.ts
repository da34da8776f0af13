import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { askedIsa } from "../../src/backends/cpu/instructionSets.js";
import { nativeProblem } from "../../src/backends/cpu/native.js";
import { threadedBackends } from "./backends.js";
import { scalars, slow } from "./plans.js";

const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = fileURLToPath(new URL("./process.program.ts", import.meta.url));

/** Runs process.program.ts and returns what it printed, and how it ended. */
function runProgram(scenario: string, backend: string, environment: Record<string, string> = {}) {
  return new Promise<{ code: number | null; signal: string | null; said: string }>((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", loader, program, scenario], {
      env: { ...process.env, FAI_BACKEND: backend, FAI_ISA: "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    child.stderr.on("data", (data) => (said += data));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, said: said.trim() }));
  });
}

describe.each(threadedBackends)("%s", (name, open) => {
  const ended = (said: string) => ({ code: 0, signal: null, said });

  test("an idle backend lets the process end", async () => {
    expect(await runProgram("idle", name)).toEqual(ended("read 3"));
  });

  test("pending work keeps the process alive", async () => {
    expect(await runProgram("busy", name)).toEqual(ended("submitted\nread 4"));
  });

  test("process.exit ends at once, whatever runs", async () => {
    expect(await runProgram("exit", name)).toEqual(ended("submitted"));
  });

  test("worker threads have backends of their own, and may be terminated while one runs", async () => {
    expect(await runProgram("workers", name)).toEqual(ended("read 2 2 2\nterminated\nread 3"));
  });

  test("timers go on while a long plan runs", async () => {
    const backend = open({ threads: 1 });
    const n = 2 ** 18;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n));
    const executable = backend.compile(slow(n, 200));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    await backend.submit(executable, submission);

    const late: number[] = [];
    let due = performance.now() + 20;
    const timer = setInterval(() => {
      late.push(performance.now() - due);
      due = performance.now() + 20;
    }, 20);
    const started = performance.now();
    while (performance.now() - started < 300) await backend.submit(executable, submission);
    const ticks = Math.floor((performance.now() - started) / 20);
    clearInterval(timer);
    await backend.close();

    // A busy machine may delay some of them: nine in ten have to be in time, and none may be swallowed by the plan.
    const sorted = late.sort((a, b) => a - b);
    expect(sorted.length).toBeGreaterThan(ticks / 3);
    expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThan(50);
  });
});

describe("the instruction set", () => {
  /** Runs nothing much under FAI_BACKEND (when given) and FAI_ISA, with what was chosen on the error stream. */
  const chosen = async (backend: string, isa: string) =>
    (await runProgram("idle", backend, { FAI_ISA: isa, NODE_DEBUG: "fai" })).said;
  const problem = nativeProblem();

  test("one of the other engine is refused, by name, value and what is allowed", async () => {
    expect(await chosen("wasm", "avx2")).toContain(
      "[cpu] FAI_ISA=avx2 is no instruction set of the wasm backend, expected relaxed, simd128. avx2 is of the native backend",
    );
    expect(await chosen("native", "relaxed")).toContain(
      problem?.message ??
        "[cpu] FAI_ISA=relaxed is no instruction set of the native backend, expected avx512, avx2, neon.",
    );
  });

  test("one that nobody knows is refused", async () => {
    expect(await chosen("", "sse2")).toContain("[cpu] unknown instruction set sse2 (FAI_ISA or the option isa)");
    expect(await chosen("wasm", "sse2")).toContain("[cpu] FAI_ISA=sse2 is no instruction set of the wasm backend");
  });

  test("one of WASM opens WASM", async () => {
    expect(await chosen("", "simd128")).toMatch(/wasm, simd128, 2 threads: asked for by the instruction set simd128/);
  });

  test.runIf(problem === undefined)("one that the processor lacks is refused", async () => {
    const lacked = process.arch === "arm64" ? "avx2" : "neon";
    expect(await chosen("", lacked)).toContain(`[cpu] this processor does not run ${lacked}, only`);
  });

  test("as an option", () => {
    expect(() => askedIsa("wasm", "neon")).toThrow('[cpu] isa: "neon" is no instruction set of the wasm backend');
  });
});

test("a backend says what it is and why", async () => {
  expect((await runProgram("idle", "wasm", { NODE_DEBUG: "fai" })).said).toMatch(
    /FAI \d+: wasm, \w+, 2 threads: asked for by FAI_BACKEND/,
  );
});

test("a choice that cannot be had is refused with advice", async () => {
  expect((await runProgram("idle", "gpu")).said).toContain("[cpu] unknown backend gpu (asked for by FAI_BACKEND)");
  expect((await runProgram("idle", "wasm", { FAI_THREADS: "0" })).said).toContain("[cpu] 0 threads asked for");
});
