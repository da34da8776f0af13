import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({
  index: "src/index.ts",
  "nn/index": "src/nn/index.ts",
  "io/index": "src/io/index.ts",
  "io/files.node": "src/io/files.node.ts",
  "backends/webgpu/index": "src/backends/webgpu/index.ts",
  // What `#cpu` and `#cpuSync` mean, and the worker: in the folders they have in src, because they look for files relative to these.
  "backends/cpu/select.node": "src/backends/cpu/select.node.ts",
  "backends/cpu/select.browser": "src/backends/cpu/select.browser.ts",
  "backends/cpu/openCpuSync.browser": "src/backends/cpu/openCpuSync.browser.ts",
  "backends/cpu/wasmWorker": "src/backends/cpu/wasmWorker.js",
});
