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
  /** True when it was moved because the device could not make its first chunk; there is one try. */
  rehomed?: boolean;
  /**
   * Host memory of the same size that nobody touches, so that it costs addresses alone: it lets the garbage collector feel
   * what a forgotten tensor holds on the device.
   */
  shadow?: ArrayBuffer | undefined;
}

/** One GPU buffer, shared by many blocks, so that a kernel binds few buffers however many tensors it touches. */
export interface Chunk {
  readonly number: number;
  buffer: GPUBuffer;
  bytes: number;
  readonly lines: LineAllocator;
  /** Nothing more is handed out of it. */
  closed: boolean;
  /** Resolves, never rejects, when the device has made the buffer or has not; undefined from then on. */
  pending: Promise<void> | undefined;
  /** The device could not make it: what lies in it is gone. */
  failure: OutOfMemoryError | undefined;
}

const firstChunkBytes = 16 * 2 ** 20;
const lineWords = lineBytes / 4;

/** What a heap is given. */
export interface HeapOptions {
  readonly budgetBytes: number;
  /** The most bytes that a binding covers: chunks are no larger, unless a single block needs more. */
  readonly bindingBytes: number;
  /** Whether all work that uses memory is submitted, so that empty chunks may be destroyed. */
  mayTrim(): boolean;
}

/** Device memory in chunks that double in size up to what a binding may hold; never more than the budget. */
export class Heap {
  readonly #device: GPUDevice;
  readonly #options: HeapOptions;
  readonly #largestBytes: number;
  #chunks: Chunk[] = [];
  #made = 0;

  constructor(device: GPUDevice, options: HeapOptions) {
    this.#device = device;
    this.#options = options;
    this.#largestBytes = floor(device.limits.maxBufferSize);
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
    const lines = linesFor(bytes);
    for (const chunk of this.#chunks) {
      if (chunk.closed) continue;
      const line = chunk.lines.allocate(lines);
      if (line >= 0) return { bytes, chunk, word: line * lineWords, released: false };
    }
    return this.allocateApart(bytes);
  }

  /** The same in a new chunk: for work that waits, while memory that others have released may still be read by what waits with it. */
  allocateApart(bytes: number): Block {
    const chunk = this.#grow(bytes);
    return { bytes, chunk, word: chunk.lines.allocate(linesFor(bytes)) * lineWords, released: false };
  }

  /** Gives a block back; what is submitted later may reuse its memory. */
  release(block: Block): void {
    invariant(!block.released, "an allocation is released twice");
    block.released = true;
    block.chunk.lines.free(block.word / lineWords);
  }

  /** Moves a block whose chunk the device could not make to another one, without content. Throws OutOfMemoryError. */
  rehome(block: Block): void {
    const { chunk, word } = this.allocateApart(block.bytes);
    Object.assign(block, { chunk, word, rehomed: true });
  }

  /** Destroys the chunks that hold nothing. */
  trim(): void {
    this.#chunks = this.#chunks.filter(({ lines, pending, buffer }) => {
      if (lines.usedLines > 0 || pending) return true;
      buffer.destroy();
      return false;
    });
  }

  /** Destroys everything. */
  destroy(): void {
    for (const { buffer } of this.#chunks) buffer.destroy();
    this.#chunks = [];
  }

  #grow(bytes: number): Chunk {
    const { budgetBytes, bindingBytes } = this.#options;
    // A sixteenth more, because the allocator rounds up to size classes.
    const least = ceiling(bytes + bytes / 16 + lineBytes);
    if (least > this.#largestBytes) {
      throw new TensorError(
        "webgpu",
        `${bytes} bytes in one piece, but a buffer of this device holds at most ${this.#largestBytes}. Use a smaller batch, or split the tensor?`,
      );
    }
    if (this.reservedBytes + least > budgetBytes && this.#options.mayTrim()) this.trim();
    const reserved = this.reservedBytes;
    const room = floor(budgetBytes - reserved);
    if (least > room) throw new OutOfMemoryError(bytes, this.usedBytes, budgetBytes);
    const wanted = Math.min(
      Math.max(firstChunkBytes, 2 ** Math.ceil(Math.log2(reserved + 1))),
      Math.max(firstChunkBytes, bindingBytes),
    );
    const size = Math.min(Math.max(least, wanted), this.#largestBytes, room);
    const { buffer, made } = this.#buffer(size);
    const lines = new LineAllocator(size / lineBytes);
    const chunk: Chunk = {
      number: this.#made++,
      buffer,
      bytes: size,
      lines,
      closed: false,
      pending: undefined,
      failure: undefined,
    };
    chunk.pending = made
      .then((there) => there || this.#smaller(chunk))
      .then((there) => {
        chunk.pending = undefined;
        if (there) return;
        chunk.failure = new OutOfMemoryError(bytes, reserved, reserved + size);
        this.#chunks = this.#chunks.filter((other) => other !== chunk);
      });
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Tries once more, with no more than what was handed out so far, after empty chunks were given back. */
  async #smaller(chunk: Chunk): Promise<boolean> {
    const bytes = chunk.lines.top * lineBytes;
    chunk.closed = true;
    const before = this.reservedBytes;
    if (this.#options.mayTrim()) this.trim();
    if (bytes === chunk.bytes && this.reservedBytes === before) return false;
    const { buffer, made } = this.#buffer(bytes);
    if (!(await made)) return false;
    Object.assign(chunk, { buffer, bytes });
    return true;
  }

  #buffer(size: number): { buffer: GPUBuffer; made: Promise<boolean> } {
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({
      size,
      usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST,
      label: `fai memory ${this.#made}`,
    });
    const made = this.#device.popErrorScope().then(
      (error) => error === null,
      () => true, // the device is lost, which is reported elsewhere
    );
    return { buffer, made };
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
