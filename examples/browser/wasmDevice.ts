// In a file of its own, which `import()` loads: the CPU backend comes only to pages that use it.
export { openCpu } from "@fai/tensor";
