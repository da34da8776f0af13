import { type Backend, use } from "@fai/tensor";

/** What computes: `auto` takes WebGPU where the browser has it on a graphics processor, and WASM elsewhere. */
export type DeviceChoice = "auto" | "wasm" | "webgpu";

/** A device that is open, and what it is in words. */
export interface OpenDevice {
  readonly backend: Backend;
  readonly words: string;
}

/**
 * Opens the device that was asked for and makes it the one that computes. Each is loaded only where it is used. Throws when WebGPU
 * was asked for and is not to be had.
 */
export async function openDevice(choice: DeviceChoice): Promise<OpenDevice> {
  if (choice === "webgpu") return openGpu();
  const adapter = choice === "auto" ? await navigator.gpu?.requestAdapter() : undefined;
  // A browser may play a GPU on the processor: WASM is faster there.
  if (!adapter || adapter.info.isFallbackAdapter) return openWasm();
  try {
    return await openGpu();
  } catch (error) {
    const { backend, words } = await openWasm();
    return { backend, words: `${words} (WebGPU failed: ${error instanceof Error ? error.message : error})` };
  }
}

async function openGpu(): Promise<OpenDevice> {
  const { webgpu } = await import("./gpuDevice.js");
  return { backend: use(await webgpu()), words: "WebGPU" };
}

async function openWasm(): Promise<OpenDevice> {
  const { openCpu } = await import("./wasmDevice.js");
  const backend = use(await openCpu());
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { backend, words: threads > 1 ? `WASM on ${threads} threads` : "WASM on one thread" };
}
