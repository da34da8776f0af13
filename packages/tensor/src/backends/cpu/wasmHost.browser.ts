import { TensorError } from "../../errors.js";
import { maxThreads } from "./codes.js";
import { CpuBackend } from "./cpuBackend.js";
import type { CpuOptions } from "./engine.js";
import { chooseWasmIsa } from "./relaxedSimd.js";
import { createMemory, WasmEngine, type WasmHost } from "./wasm.js";

/*
 * Bundlers know `new URL("...", import.meta.url)` and `new Worker(new URL(...))` when they are written out in full.
 * Both paths hold from src/backends/cpu as from dist/backends/cpu.
 */
const urls = {
  threaded: {
    simd128: () => new URL("../../../wasm/threaded.wasm", import.meta.url),
    relaxed: () => new URL("../../../wasm/threadedRelaxed.wasm", import.meta.url),
  },
  single: {
    simd128: () => new URL("../../../wasm/single.wasm", import.meta.url),
    relaxed: () => new URL("../../../wasm/singleRelaxed.wasm", import.meta.url),
  },
};

/** What every WASM file begins with: a zero, then "asm". */
const wasmMagic = 0x0061736d;

const compiled = new Map<string, Promise<WebAssembly.Module>>();

const host: WasmHost = {
  // Only a page's main thread has a document, and it must not sleep.
  mayBlock: typeof document === "undefined",
  spawn(onMessage, onError) {
    const worker = new Worker(new URL("./wasmWorker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", (event) => onMessage(event.data));
    worker.addEventListener("error", (event) => {
      // The engine goes on without workers where none can start: slower, so somebody should know.
      console.warn(`[cpu] a worker of the WASM backend failed: ${event.message || "its file could not be loaded"}`);
      onError(event.error ?? new Error(event.message));
    });
    return {
      post: (message) => worker.postMessage(message),
      hold: () => {},
      terminate: () => worker.terminate(),
    };
  },
};

async function compile(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok)
    throw new TensorError("cpu", `${url} could not be loaded: ${response.status} ${response.statusText}`);
  // Not the streaming kind: it insists on a content type that many servers do not send.
  const bytes = await response.arrayBuffer();
  const isWasm = bytes.byteLength > 4 && new DataView(bytes).getUint32(0) === wasmMagic;
  if (isWasm) return WebAssembly.compile(bytes);
  const type = response.headers.get("content-type");
  throw new TensorError(
    "cpu",
    `${url} is no WASM file (the server says ${type}): a bundler moved the code without it. In Vite before 8, set optimizeDeps: { exclude: ["@fai/tensor"] }; docs/browser.md has others.`,
  );
}

/**
 * Opens the WASM backend. On a page that is cross-origin isolated (served with COOP and COEP headers) it uses threads,
 * and long plans run beside the page; elsewhere one thread, the page's own.
 */
export async function openWasm(options: CpuOptions = {}): Promise<CpuBackend> {
  const threaded = globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer !== "undefined";
  const isa = chooseWasmIsa(options.isa);
  const url = urls[threaded ? "threaded" : "single"][isa]();
  let pending = compiled.get(url.href);
  if (pending === undefined) {
    pending = compile(url);
    // A failed download may be tried again.
    pending.catch(() => compiled.delete(url.href));
    compiled.set(url.href, pending);
  }
  const module = await pending;
  const memory = createMemory(threaded);
  const instance = await WebAssembly.instantiate(module, { env: { memory: memory.memory } });
  const threads = Math.min(options.threads ?? navigator.hardwareConcurrency ?? 1, maxThreads);
  return new CpuBackend(new WasmEngine({ isa, module, instance, ...memory }, host, { ...options, threads }), options);
}
