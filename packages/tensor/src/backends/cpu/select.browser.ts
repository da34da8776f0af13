import type { Backend } from "../../backend.js";
import { TensorError } from "../../errors.js";
import type { OpenCpuOptions } from "./select.node.js";
import { openWasm } from "./wasmHost.browser.js";

export type { CpuOptions } from "./engine.js";
export type { OpenCpuOptions } from "./select.node.js";
export { openWasm } from "./wasmHost.browser.js";

/** Opens the CPU backend: WASM is the only one in a browser. */
export async function openCpu(options: OpenCpuOptions = {}): Promise<Backend> {
  if (options.backend === "native") throw new TensorError("cpu", "browsers have no native backend, leave backend out.");
  return openWasm(options);
}
