/// <reference types="@webgpu/types" preserve="true" />
import { TensorError } from "../../errors.js";
import { lanesAreInOrder } from "./subgroups.js";
import { type BackendOptions, WebGpuBackend } from "./webgpuBackend.js";

/** What `webgpu` takes. */
export interface WebGpuOptions extends BackendOptions {
  /** The WebGPU implementation (default: `navigator.gpu`). In Node: `create([])` of the npm package `webgpu`. */
  gpu?: GPU;
  /** Which GPU of several (default: the system's choice). */
  powerPreference?: GPUPowerPreference;
}

/** Opens a GPU: `use(await webgpu())`. Throws when there is no WebGPU or no adapter. */
export async function webgpu({ gpu, powerPreference, ...options }: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const found = gpu ?? ownGpu();
  if (!found) {
    throw new TensorError(
      "webgpu",
      "there is no navigator.gpu here. In Node install the npm package webgpu and pass { gpu: create([]) }; " +
        "a browser needs https (or localhost) and WebGPU switched on.",
    );
  }
  const adapter = await found.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter) {
    throw new TensorError(
      "webgpu",
      "no GPU adapter was found. Is a driver installed? The CPU backend runs everywhere.",
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
  const { maxComputeWorkgroupsPerDimension } = adapter.limits;
  const wanted: GPUFeatureName[] = options.subgroups === false ? ["timestamp-query"] : ["timestamp-query", "subgroups"];
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
    requiredLimits: {
      maxBufferSize,
      maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupsPerDimension,
    },
  });
  const subgroups = options.subgroups !== false && (await lanesAreInOrder(device));
  if (options.subgroups && !subgroups) {
    device.destroy();
    throw new TensorError(
      "webgpu",
      "subgroups: true, but this device has none, or none whose lanes are in order. Leave it out?",
    );
  }
  return new WebGpuBackend(device, adapter.info, { ...options, subgroups });
}

/**
 * A GPU for a model with so many parameters, or undefined where the CPU is the better choice: no WebGPU, no adapter, an
 * adapter that is software, or fewer than 100,000 parameters. A step costs a GPU one to two milliseconds of waiting
 * whatever its size; in that time the CPU trains a small model. `const gpu = await webgpuFor(n); if (gpu) use(gpu)`.
 */
export async function webgpuFor(
  parameterCount: number,
  options: WebGpuOptions = {},
): Promise<WebGpuBackend | undefined> {
  const { powerPreference, gpu = ownGpu() } = options;
  if (parameterCount < smallestModel || !gpu) return undefined;
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter || adapter.info.isFallbackAdapter) return undefined;
  return webgpu({ ...options, gpu });
}

const smallestModel = 100_000;

function ownGpu(): GPU | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
}
