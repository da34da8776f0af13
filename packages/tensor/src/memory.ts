import { invariant, TensorError } from "./errors.js";

/** Bytes of one line: the unit of every address in an arena, and the alignment of every allocation. */
export const lineBytes = 64;

/** Lines that hold `bytes` bytes; at least one, so that every allocation has an address of its own. */
export function linesFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / lineBytes));
}

/** Device memory ran out (or the byte budget did). Nothing was allocated; the backend stays usable. */
export class OutOfMemoryError extends TensorError {
  readonly askedBytes: number;
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** `advice` says what to do, where more is known than that a batch should be smaller. */
  constructor(
    askedBytes: number,
    usedBytes: number,
    limitBytes: number,
    advice = "Use a smaller batch, release kept tensors, or raise budgetBytes if it is set.",
  ) {
    super(
      "memory",
      `out of memory: ${megabytes(askedBytes)} asked, ${megabytes(usedBytes)} of ${megabytes(limitBytes)} in use. ${advice}`,
    );
    this.name = "OutOfMemoryError";
    this.askedBytes = askedBytes;
    this.usedBytes = usedBytes;
    this.limitBytes = limitBytes;
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 2 : 0)} MiB`;
}

// Classes: every size below 16 lines, then 16 to a power of two, so rounding up wastes at most 1/16.
const exact = 16;
const classCount = exact + 28 * 16;

/** The class whose smallest member is at most `lines`: where a free block of that size is listed. */
function classOf(lines: number): number {
  if (lines < exact) return lines;
  const exponent = 31 - Math.clz32(lines);
  return exact + (exponent - 4) * 16 + ((lines >>> (exponent - 4)) & 15);
}

/** `lines` rounded up to the smallest member of a class, so that every block listed in that class fits it. */
function roundToClass(lines: number): number {
  if (lines < exact) return lines;
  const step = 2 ** (27 - Math.clz32(lines));
  return Math.ceil(lines / step) * step;
}

/**
 * Hands out ranges of lines of one arena: segregated free lists by size class, blocks split on allocation and merged
 * with free neighbours on release, so that batches of changing size do not fragment it. All operations are O(1).
 * It keeps numbers only; whoever owns the arena commits and discards the memory.
 */
export class LineAllocator {
  readonly capacityLines: number;
  readonly limitLines: number;
  #used = 0;
  #top = 0;
  /** start -> lines of the blocks handed out. */
  readonly #blocks = new Map<number, number>();
  /** start -> lines of the free blocks below the top. */
  readonly #free = new Map<number, number>();
  /** end -> start of the free blocks. */
  readonly #freeByEnd = new Map<number, number>();
  readonly #bins: (Set<number> | undefined)[] = new Array(classCount);
  /** One bit a class: its bin is not empty. */
  readonly #filled = new Uint32Array(Math.ceil(classCount / 32));

  /** `capacityLines`: the size of the address range; `limitLines`: how many lines may be in use at once. */
  constructor(capacityLines: number, limitLines: number = capacityLines) {
    this.capacityLines = Math.min(capacityLines, 2 ** 32 - 1);
    this.limitLines = limitLines;
  }

  /** Lines in use. */
  get usedLines(): number {
    return this.#used;
  }

  /** One past the last line in use: the arena has to be usable up to here. */
  get top(): number {
    return this.#top;
  }

  /** Free ranges below the top, as [start, lines], in no particular order. */
  freeRanges(): Iterable<[number, number]> {
    return this.#free;
  }

  /** The size of the block that starts at `start`: what was asked, rounded up to its class. */
  sizeOf(start: number): number {
    const lines = this.#blocks.get(start);
    invariant(lines !== undefined, `no block starts at line ${start}`);
    return lines;
  }

  /** The first line of a new block, or -1 when the capacity or the limit is reached. */
  allocate(lines: number): number {
    invariant(lines >= 1 && lines < 2 ** 32, `an allocation of ${lines} lines`);
    const size = roundToClass(lines);
    if (this.#used + size > this.limitLines) return -1;
    let start = this.#takeFree(size);
    if (start < 0) {
      // The free block that ends at the top is extended before fresh lines are used.
      const last = this.#freeByEnd.get(this.#top);
      start = last ?? this.#top;
      if (start + size > this.capacityLines) return -1;
      if (last !== undefined) this.#unlist(last);
      this.#top = start + size;
    }
    this.#blocks.set(start, size);
    this.#used += size;
    return start;
  }

  /** Gives the block that starts at `start` back. */
  free(start: number): void {
    let size = this.sizeOf(start);
    this.#blocks.delete(start);
    this.#used -= size;
    const after = this.#free.get(start + size);
    if (after !== undefined) {
      this.#unlist(start + size);
      size += after;
    }
    const before = this.#freeByEnd.get(start);
    if (before !== undefined) {
      size += this.#unlist(before);
      start = before;
    }
    this.#list(start, size);
  }

  /** Forgets the free block at the top and returns the new top. */
  trim(): number {
    const last = this.#freeByEnd.get(this.#top);
    if (last !== undefined) {
      this.#unlist(last);
      this.#top = last;
    }
    return this.#top;
  }

  #takeFree(size: number): number {
    const index = this.#nextFilled(classOf(size));
    if (index < 0) return -1;
    const bin = this.#bins[index]!;
    const start = bin.values().next().value!;
    const found = this.#unlist(start);
    if (found > size) this.#list(start + size, found - size);
    return start;
  }

  /** The first class from `index` on that has a free block. */
  #nextFilled(index: number): number {
    let word = index >>> 5;
    let bits = this.#filled[word]! & (-1 << (index & 31));
    while (bits === 0) {
      word += 1;
      if (word === this.#filled.length) return -1;
      bits = this.#filled[word]!;
    }
    return word * 32 + 31 - Math.clz32(bits & -bits);
  }

  #list(start: number, size: number): void {
    const index = classOf(size);
    let bin = this.#bins[index];
    if (bin === undefined) {
      bin = new Set();
      this.#bins[index] = bin;
    }
    bin.add(start);
    this.#filled[index >>> 5]! |= 1 << (index & 31);
    this.#free.set(start, size);
    this.#freeByEnd.set(start + size, start);
  }

  #unlist(start: number): number {
    const size = this.#free.get(start)!;
    const index = classOf(size);
    const bin = this.#bins[index]!;
    bin.delete(start);
    if (bin.size === 0) this.#filled[index >>> 5]! &= ~(1 << (index & 31));
    this.#free.delete(start);
    this.#freeByEnd.delete(start + size);
    return size;
  }
}
