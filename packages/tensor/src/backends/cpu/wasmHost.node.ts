import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { CpuBackend } from "./cpuBackend.js";
import type { CpuOptions } from "./engine.js";
import { machineBytes, threadCount } from "./machine.node.js";
import { createMemory, WasmEngine, type WasmHost } from "./wasm.js";

// From src/backends/cpu as from dist/backends/cpu.
const threadedUrl = new URL("../../../wasm/threaded.wasm", import.meta.url);
const workerUrl = new URL("./wasmWorker.js", import.meta.url);

let compiled: WebAssembly.Module | undefined;

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

/** Opens the WASM backend at once; Node compiles the module synchronously. */
export function openWasmSync(options: CpuOptions = {}): CpuBackend {
  compiled ??= new WebAssembly.Module(readFileSync(threadedUrl));
  const memory = createMemory(true);
  const instance = new WebAssembly.Instance(compiled, { env: { memory: memory.memory } });
  const parts = { module: compiled, instance, ...memory };
  const engine = new WasmEngine(parts, host, { ...options, threads: threadCount(options.threads) });
  return new CpuBackend(engine, { ...options, budgetBytes: options.budgetBytes ?? machineBytes() });
}
