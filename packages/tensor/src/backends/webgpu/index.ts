export { DeviceLostError } from "./errors.js";
export { type WebGpuOptions, webgpu, webgpuFor } from "./webgpu.js";
export type { BackendOptions, WebGpuBackend } from "./webgpuBackend.js";
