// In a file of its own, which `import()` loads: the WebGPU backend comes only to pages that use it.
export { webgpu } from "@fai/tensor/webgpu";
