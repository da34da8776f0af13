import { assemble, bindings } from "./codegen/assemble.js";
import type { Kernel } from "./kernel.js";

/** Bytes of the window on the parameters that a kernel sees, and the alignment of its start. */
export const parameterWindow = 1024;

/** GPUShaderStage.COMPUTE, which Node has no global of. */
const compute = 4;

/** Compute pipelines by their WGSL, shared by all plans, and the layouts they are bound with. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #bySource = new Map<string, GPUComputePipeline>();
  readonly #layouts: { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The layout of kernels that bind `memories` chunks. */
  layout(memories: number): { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    const known = this.#layouts[memories];
    if (known) return known;
    const storage = (binding: number): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: compute,
      buffer: { type: "storage" },
    });
    const group = this.#device.createBindGroupLayout({
      entries: [
        {
          binding: bindings.parameters,
          visibility: compute,
          buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: parameterWindow },
        },
        storage(bindings.guard),
        ...Array.from({ length: memories }, (_, i) => storage(bindings.memory + i)),
      ],
    });
    return (this.#layouts[memories] = {
      group,
      pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }),
    });
  }

  /** The pipeline of a kernel whose operand i lies in memory binding `memories[i]`, of `count`. */
  of(kernel: Kernel, memories: readonly number[], count: number): GPUComputePipeline {
    const source = assemble(kernel, memories);
    const key = `${count} ${source}`;
    const known = this.#bySource.get(key);
    if (known) return known;
    const module = this.#device.createShaderModule({ code: source, label: kernel.label });
    const pipeline = this.#device.createComputePipeline({
      label: kernel.label,
      layout: this.layout(count).pipeline,
      compute: { module, entryPoint: "main" },
    });
    this.#bySource.set(key, pipeline);
    return pipeline;
  }
}
