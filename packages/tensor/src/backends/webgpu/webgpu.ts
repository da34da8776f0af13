import { TensorError } from "../../errors.js";
import { WebGpuBackend } from "./webgpuBackend.js";

/** What `webgpu` takes. */
export interface WebGpuOptions {
  /** The WebGPU implementation (default: `navigator.gpu`). In Node: `create([])` of the npm package `webgpu`. */
  gpu?: GPU;
  /** The most device memory that may be reserved, in bytes (default: no limit but the device's). */
  budgetBytes?: number;
  /** Which GPU of several (default: the system's choice). */
  powerPreference?: GPUPowerPreference;
  /** Kernels for a processor that plays a GPU (default: what the adapter says of itself). */
  software?: boolean;
}

/** Opens a GPU: `use(await webgpu())`. Throws when there is no WebGPU or no adapter. */
export async function webgpu({ gpu, powerPreference, ...options }: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const found = gpu ?? (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!found) {
    throw new TensorError(
      "webgpu",
      "there is no navigator.gpu here. In Node install the npm package webgpu and pass { gpu: create([]) }; " +
        "a browser needs https (or localhost) and WebGPU switched on.",
    );
  }
  const adapter = await found.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter) {
    throw new TensorError("webgpu", "no GPU adapter was found. Is a driver installed? The CPU backend runs everywhere.");
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  return new WebGpuBackend(device, adapter.info, options);
}
