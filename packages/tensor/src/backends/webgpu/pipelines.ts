import { TensorError } from "../../errors.js";
import { assemble, type Bound, bindings } from "./codegen/assemble.js";
import { KernelError } from "./errors.js";
import type { Kernel } from "./kernel.js";
import type { Limits } from "./limits.js";

/** Bytes of the window on the parameters that a kernel sees, and the alignment of its start. */
export const parameterWindow = 1024;

/** GPUShaderStage.COMPUTE, which Node has no global of. */
const compute = 4;

/** Pipelines that are kept for later plans; plans keep their own anyway. */
const mostKept = 2048;

/** A pipeline that the device makes while the program goes on. */
export interface Pipeline {
  /** Resolves, never rejects, when it is made or has failed; undefined from then on. */
  pending: Promise<void> | undefined;
  made: GPUComputePipeline | undefined;
  failure: Error | undefined;
}

/** Compute pipelines by their WGSL, the least recently used dropped first, shared by all plans, and the layouts they are bound with. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #limits: Limits;
  readonly #bySource = new Map<string, Pipeline>();
  readonly #layouts: { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }[] = [];

  constructor(device: GPUDevice, limits: Limits) {
    this.#device = device;
    this.#limits = limits;
  }

  /** The layout of kernels that bind `memories` pieces of memory. */
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

  /**
   * The pipeline of a kernel whose operand i lies in memory bindings `memories[i]` of `segments`: the same one for equal texts,
   * also while it is in the making. Throws when the device cannot bind so many pieces.
   */
  of(kernel: Kernel, memories: readonly Bound[], segments: readonly { readonly size: number }[]): Pipeline {
    const count = segments.length;
    if (count > this.#limits.bindings) throw tooManyBindings(kernel, segments, this.#limits);
    const source = assemble(kernel, memories, this.#limits.bindingBytes);
    const key = `${count} ${source}`;
    const known = this.#bySource.get(key);
    if (known) {
      this.#bySource.delete(key);
      this.#bySource.set(key, known);
      return known;
    }
    const pipeline: Pipeline = { pending: undefined, made: undefined, failure: undefined };
    pipeline.pending = this.#make(source, kernel.label, this.layout(count).pipeline).then(
      (made) => {
        pipeline.made = made;
        pipeline.pending = undefined;
      },
      (error: Error) => {
        pipeline.failure = new KernelError(kernel.label, error.message);
        pipeline.pending = undefined;
        if (this.#bySource.get(key) === pipeline) this.#bySource.delete(key);
      },
    );
    this.#bySource.set(key, pipeline);
    if (this.#bySource.size > mostKept) this.#bySource.delete(this.#bySource.keys().next().value!);
    return pipeline;
  }

  async #make(code: string, label: string, layout: GPUPipelineLayout): Promise<GPUComputePipeline> {
    // The text of a faulty shader is the module's error, that it is faulty the pipeline's.
    this.#device.pushErrorScope("validation");
    const module = this.#device.createShaderModule({ code, label });
    const faulty = this.#device.popErrorScope().catch(() => null);
    try {
      return await this.#device.createComputePipelineAsync({ label, layout, compute: { module, entryPoint: "main" } });
    } catch (error) {
      throw new Error((await faulty)?.message ?? (error as Error).message);
    }
  }
}

function tooManyBindings(
  { label, places }: Kernel,
  segments: readonly { readonly size: number }[],
  { bindings: most, bindingBytes }: Limits,
): TensorError {
  const total = segments.reduce((sum, { size }) => sum + size, 0);
  return new TensorError(
    "webgpu",
    `${label}: its ${places.length} operands lie in ${total} bytes of memory that take ${segments.length} bindings; this device lets a kernel ` +
      `have ${most} of ${bindingBytes} bytes. Use a smaller batch, split the largest tensor, or combine fewer tensors in one expression?`,
  );
}
