export { DeviceLostError, KernelError } from "./errors.js";
export type { LimitOptions } from "./limits.js";
export { type WebGpuOptions, webgpu, webgpuFor } from "./webgpu.js";
export type { BackendOptions, WebGpuBackend } from "./webgpuBackend.js";
