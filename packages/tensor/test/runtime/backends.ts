import { readFileSync } from "node:fs";
import { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import type { CpuOptions } from "../../src/backends/cpu/engine.js";
import { type CpuEngineName, engineOf } from "../../src/backends/cpu/instructionSets.js";
import { nativeProblem, openNative } from "../../src/backends/cpu/native.js";
import { createMemory, WasmEngine } from "../../src/backends/cpu/wasm.js";
import { openWasmSync } from "../../src/backends/cpu/wasmHost.node.js";

/** The single-thread build, which browsers without shared memory run; Node has no use for it but this test. */
function openSingle(options: CpuOptions = {}): CpuBackend {
  const module = new WebAssembly.Module(readFileSync(new URL("../../wasm/single.wasm", import.meta.url)));
  const memory = createMemory(false);
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  const host = {
    mayBlock: true,
    spawn: () => {
      throw new Error("the single-thread build starts no workers");
    },
  };
  return new CpuBackend(
    new WasmEngine({ isa: "simd128", module, instance, ...memory }, host, { threads: 1, ...options }),
    options,
  );
}

type Opener = (options?: CpuOptions) => CpuBackend;

/** Whether an engine runs here: a machine without a C++ compiler has WASM alone, and FAI_ISA makes a run about one engine. */
export function runsHere(engine: CpuEngineName): boolean {
  if ((engineOf(process.env.FAI_ISA) ?? engine) !== engine) return false;
  return engine === "wasm" || nativeProblem() === undefined;
}

const threaded: [name: string, open: Opener][] = [];
if (runsHere("native")) threaded.push(["native", openNative]);
if (runsHere("wasm")) threaded.push(["wasm", openWasmSync]);

/** The backends that run long plans beside the caller. */
export const threadedBackends = threaded;

/** Every CPU backend that this machine can run. */
export const cpuBackends: [name: string, open: Opener][] = [
  ...threaded,
  ...(runsHere("wasm") ? [["wasm, single thread", openSingle] satisfies [string, Opener]] : []),
];
