import type { Allocation } from "../../backend.js";
import { invariant, TensorError } from "../../errors.js";
import { LineAllocator, lineBytes, linesFor, OutOfMemoryError } from "../../memory.js";

/** A range of a chunk, owned by whoever allocated it. */
export interface Block extends Allocation {
  bytes: number;
  chunk: Chunk;
  /** Its first word in the chunk's buffer. */
  word: number;
  released: boolean;
  /**
   * Host memory of the same size that nobody touches, so that it costs addresses alone: it lets the garbage collector feel
   * what a forgotten tensor holds on the device.
   */
  shadow?: ArrayBuffer | undefined;
}

/** One GPU buffer, shared by many blocks, so that a kernel binds few buffers however many tensors it touches. */
export interface Chunk {
  readonly number: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly lines: LineAllocator;
}

const firstChunkBytes = 16 * 2 ** 20;
const lineWords = lineBytes / 4;

/** Device memory in chunks that double in size up to what a binding may hold; never more than the budget. */
export class Heap {
  readonly #device: GPUDevice;
  readonly #budgetBytes: number;
  readonly #largestBytes: number;
  readonly #chunks: Chunk[] = [];
  #made = 0;
  readonly #onFailure: (error: Error) => void;
  readonly #mayTrim: () => boolean;

  /** `onFailure` hears, later, when the device could not make a chunk after all; `mayTrim` tells whether all work that uses memory is submitted. */
  constructor(device: GPUDevice, budgetBytes: number, onFailure: (error: Error) => void, mayTrim: () => boolean) {
    this.#device = device;
    this.#budgetBytes = budgetBytes;
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    // Bytes are numbered by i32 in kernels.
    this.#largestBytes = floor(Math.min(maxBufferSize, maxStorageBufferBindingSize, 2 ** 31 - lineBytes));
    this.#onFailure = onFailure;
    this.#mayTrim = mayTrim;
  }

  /** The device memory of all chunks. */
  get reservedBytes(): number {
    return this.#chunks.reduce((total, { bytes }) => total + bytes, 0);
  }

  /** The device memory in use. */
  get usedBytes(): number {
    return this.#chunks.reduce((total, { lines }) => total + lines.usedLines * lineBytes, 0);
  }

  /** A block of at least `bytes`, with what was there before as its content. Throws OutOfMemoryError. */
  allocate(bytes: number): Block {
    if (bytes > this.#largestBytes) {
      throw new TensorError(
        "webgpu",
        `${bytes} bytes in one piece, but this device binds at most ${this.#largestBytes} at once. Use a smaller batch, or split the tensor?`,
      );
    }
    const lines = linesFor(bytes);
    for (const chunk of this.#chunks) {
      const line = chunk.lines.allocate(lines);
      if (line >= 0) return { bytes, chunk, word: line * lineWords, released: false };
    }
    const chunk = this.#grow(bytes);
    return { bytes, chunk, word: chunk.lines.allocate(lines) * lineWords, released: false };
  }

  /** Gives a block back; what is submitted later may reuse its memory. */
  release(block: Block): void {
    invariant(!block.released, "an allocation is released twice");
    block.released = true;
    block.chunk.lines.free(block.word / lineWords);
  }

  /** Destroys the chunks that hold nothing. */
  trim(): void {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      if (this.#chunks[i]!.lines.usedLines > 0) continue;
      this.#chunks[i]!.buffer.destroy();
      this.#chunks.splice(i, 1);
    }
  }

  /** Destroys everything. */
  destroy(): void {
    for (const { buffer } of this.#chunks) buffer.destroy();
    this.#chunks.length = 0;
  }

  #grow(bytes: number): Chunk {
    // A sixteenth more, because the allocator rounds up to size classes.
    const least = Math.min(this.#largestBytes, ceiling(bytes + bytes / 16 + lineBytes));
    if (this.reservedBytes + least > this.#budgetBytes && this.#mayTrim()) this.trim();
    const reserved = this.reservedBytes;
    const room = floor(this.#budgetBytes - reserved);
    if (least > room) throw new OutOfMemoryError(bytes, this.usedBytes, this.#budgetBytes);
    const wanted = Math.max(least, firstChunkBytes, 2 ** Math.ceil(Math.log2(reserved + 1)));
    const size = Math.min(wanted, this.#largestBytes, room);
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({
      size,
      usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST,
      label: `fai memory ${this.#made}`,
    });
    void this.#device.popErrorScope().then(
      (error) => {
        if (error) this.#onFailure(new OutOfMemoryError(bytes, reserved, reserved + size));
      },
      () => {}, // the device is lost, which is reported elsewhere
    );
    const chunk = { number: this.#made++, buffer, bytes: size, lines: new LineAllocator(size / lineBytes) };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** GPUBufferUsage, which Node has no global of. */
const usage = { COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 };

function floor(bytes: number): number {
  return Math.floor(bytes / lineBytes) * lineBytes;
}

function ceiling(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}
