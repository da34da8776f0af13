import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { CpuBackend } from "./cpuBackend.js";
import type { CpuOptions } from "./engine.js";
import { machineBytes, threadCount } from "./machine.node.js";
import { chooseWasmIsa, hasRelaxedSimd, type WasmIsa } from "./relaxedSimd.js";
import { createMemory, WasmEngine, type WasmHost } from "./wasm.js";

// From src/backends/cpu as from dist/backends/cpu.
const urls = {
  simd128: new URL("../../../wasm/threaded.wasm", import.meta.url),
  relaxed: new URL("../../../wasm/threadedRelaxed.wasm", import.meta.url),
};
const workerUrl = new URL("./wasmWorker.js", import.meta.url);

const compiled = new Map<WasmIsa, WebAssembly.Module>();

/** The module of an instruction set; Node compiles it synchronously. */
function moduleOf(isa: WasmIsa): WebAssembly.Module {
  const known = compiled.get(isa);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(readFileSync(urls[isa]));
  compiled.set(isa, module);
  return module;
}

const host: WasmHost = {
  mayBlock: true,
  spawn(onMessage, onError) {
    // Loaders and conditions of this process mean nothing to a plain worker file.
    const worker = new Worker(workerUrl, { execArgv: [] });
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.unref();
    return {
      post: (message) => worker.postMessage(message),
      hold: (busy) => (busy ? worker.ref() : worker.unref()),
      terminate: () => worker.terminate(),
    };
  },
};

/**
 * Opens the WASM backend at once; Node compiles the module synchronously.
 * @param reason why it was chosen, for the backend's `about`
 */
export function openWasmSync(options: CpuOptions = {}, reason = "opened by name"): CpuBackend {
  // Node 20 has relaxed SIMD behind a flag; later ones have it and do not know the flag.
  if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
  const isa = chooseWasmIsa(options.isa, process.env.FAI_ISA);
  const module = moduleOf(isa);
  const memory = createMemory(true);
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  const parts = { isa, module, instance, ...memory };
  const engine = new WasmEngine(parts, host, { ...options, threads: threadCount(options.threads) });
  return new CpuBackend(engine, { ...options, budgetBytes: options.budgetBytes ?? machineBytes() }, reason);
}
