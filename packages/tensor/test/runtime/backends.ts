import { readFileSync } from "node:fs";
import { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import type { CpuOptions } from "../../src/backends/cpu/engine.js";
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

const threaded: [name: string, open: Opener][] = [["wasm", openWasmSync]];
// A machine without a C++ compiler has WASM alone, and tests that.
if (nativeProblem() === undefined) threaded.unshift(["native", openNative]);

/** The backends that run long plans beside the caller. */
export const threadedBackends = threaded;

/** Every CPU backend that this machine can run. */
export const cpuBackends: [name: string, open: Opener][] = [...threaded, ["wasm, single thread", openSingle]];
