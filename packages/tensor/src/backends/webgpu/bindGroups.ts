import type { Chunk } from "./heap.js";
import { type Pipelines, parameterWindow } from "./pipelines.js";
import type { Segment } from "./segments.js";

const usage = { COPY_DST: 8, UNIFORM: 64 };
/** Bind groups that are kept; in memory that is bound piece by piece there is no end to them. */
const mostKept = 4096;

/** The buffer with the parameters of a submission's kernels, and what kernels are bound to: it, the guard, pieces of memory. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #guard: GPUBuffer;
  readonly #byPieces = new Map<string, GPUBindGroup>();
  #parameters: GPUBuffer;

  constructor(device: GPUDevice, pipelines: Pipelines, guard: GPUBuffer) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#guard = guard;
    this.#parameters = this.#buffer(2 ** 16);
  }

  /** Writes the parameters, into a larger buffer where they have grown. */
  write(parameters: Int32Array): void {
    if (this.#parameters.size < parameters.byteLength) {
      this.#parameters.destroy();
      this.#parameters = this.#buffer(2 ** Math.ceil(Math.log2(parameters.byteLength)));
      this.clear();
    }
    this.#device.queue.writeBuffer(this.#parameters, 0, parameters as Int32Array<ArrayBuffer>);
  }

  /** The bind group of kernels that touch these pieces of memory. */
  of(segments: readonly Segment<Chunk>[]): GPUBindGroup {
    const key = segments.map(({ chunk, offset, size }) => `${chunk.number}:${offset}:${size}`).join(" ");
    const known = this.#byPieces.get(key);
    if (known) return known;
    const resources = [
      { buffer: this.#parameters, size: parameterWindow },
      { buffer: this.#guard },
      ...segments.map(({ chunk, offset, size }) => ({ buffer: chunk.buffer, offset, size })),
    ];
    const made = this.#device.createBindGroup({
      layout: this.#pipelines.layout(segments.length).group,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    if (this.#byPieces.size >= mostKept) this.clear();
    this.#byPieces.set(key, made);
    return made;
  }

  /** Forgets all bind groups, which keep buffers alive. */
  clear(): void {
    this.#byPieces.clear();
  }

  #buffer(size: number): GPUBuffer {
    return this.#device.createBuffer({ size, usage: usage.UNIFORM | usage.COPY_DST, label: "fai parameters" });
  }
}
