import type { HostArray } from "../../dtype.js";
import { OutOfMemoryError } from "../../memory.js";

const usage = { MAP_READ: 1, COPY_DST: 8 };
const mapRead = 1;
/** Staging buffers up to this size are kept for the next read. */
const largestKept = 2 ** 20;
const mostKept = 8;

/** A buffer that the host may map. */
export interface Staging {
  readonly buffer: GPUBuffer;
  /** Resolves, never rejects, when it is known whether the device has made it; undefined from then on. */
  pending: Promise<void> | undefined;
  failure: OutOfMemoryError | undefined;
}

/** Copies from the device to the host through staging buffers; any number of reads may be under way. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #free: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A staging buffer for `bytes`, to be used once it is not pending. */
  stage(bytes: number): Staging {
    const wanted = Math.ceil(bytes / 4) * 4;
    if (wanted <= largestKept) return { buffer: this.#take(wanted), pending: undefined, failure: undefined };
    this.#device.pushErrorScope("out-of-memory");
    const staging: Staging = { buffer: this.#take(wanted), pending: undefined, failure: undefined };
    staging.pending = this.#device.popErrorScope().then(
      (error) => {
        staging.pending = undefined;
        if (error)
          staging.failure = new OutOfMemoryError(bytes, 0, bytes, "Read a smaller tensor, or a slice at a time.");
      },
      () => {
        staging.pending = undefined; // the device is lost, which is reported elsewhere
      },
    );
    return staging;
  }

  /** Copies bytes of `source` from `offset` on into `into`, after what was submitted before. */
  async read(source: GPUBuffer, offset: number, into: HostArray, staging: GPUBuffer): Promise<void> {
    const encoder = this.#device.createCommandEncoder();
    const finish = this.#copy(encoder, source, offset, Math.ceil(into.byteLength / 4) * 4, staging);
    this.#device.queue.submit([encoder.finish()]);
    await finish(into);
  }

  /** Adds a copy of a few `bytes` (a multiple of 4) to an encoder; to be called after its submission, the result waits for the copy and fills its argument. */
  copy(
    encoder: GPUCommandEncoder,
    source: GPUBuffer,
    offset: number,
    bytes: number,
  ): (into: HostArray) => Promise<void> {
    return this.#copy(encoder, source, offset, bytes, this.#take(bytes));
  }

  #copy(
    encoder: GPUCommandEncoder,
    source: GPUBuffer,
    offset: number,
    bytes: number,
    staging: GPUBuffer,
  ): (into: HostArray) => Promise<void> {
    encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
    return async (into) => {
      await staging.mapAsync(mapRead, 0, bytes);
      const found = new Uint8Array(staging.getMappedRange(0, bytes), 0, into.byteLength);
      new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(found);
      staging.unmap();
      if (staging.size <= largestKept && this.#free.length < mostKept) this.#free.push(staging);
      else staging.destroy();
    };
  }

  /** Destroys the staging buffers that nobody uses. */
  trim(): void {
    for (const buffer of this.#free.splice(0)) buffer.destroy();
  }

  #take(bytes: number): GPUBuffer {
    const at = this.#free.findIndex((buffer) => buffer.size >= bytes && buffer.size <= bytes * 4 + 4096);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    // Large ones are not kept, and no larger than they must be.
    const size = bytes > largestKept ? bytes : 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
    return this.#device.createBuffer({ size, usage: usage.MAP_READ | usage.COPY_DST, label: "fai readback" });
  }
}
