import type { Backend } from "../../backend.js";
import { TensorError } from "../../errors.js";
import type { CpuOptions } from "./engine.js";
import { nativeProblem, openNative } from "./native.js";
import { openWasmSync } from "./wasmHost.node.js";

export type { CpuOptions } from "./engine.js";
export { openNative } from "./native.js";
export { openWasmSync } from "./wasmHost.node.js";

/** What `openCpu` takes. */
export interface OpenCpuOptions extends CpuOptions {
  /** Which kernels (default: native where it runs, else wasm; FAI_BACKEND overrides). */
  backend?: "native" | "wasm";
}

/** Opens the CPU backend: the native addon where it is built and the processor is fit for it, else WASM. */
export function openCpuSync(options: OpenCpuOptions = {}): Backend {
  const asked = process.env.FAI_BACKEND || options.backend;
  if (asked === "native") return openNative(options);
  if (asked === "wasm") return openWasmSync(options);
  if (asked !== undefined) throw new TensorError("cpu", `unknown backend ${asked}, expected native or wasm.`);
  return nativeProblem() === undefined ? openNative(options) : openWasmSync(options);
}

/** `openCpuSync` under the name that browsers have as well. */
export async function openCpu(options: OpenCpuOptions = {}): Promise<Backend> {
  return openCpuSync(options);
}

/** `openWasmSync` under the name that browsers have as well. */
export async function openWasm(options: CpuOptions = {}): Promise<Backend> {
  return openWasmSync(options);
}
