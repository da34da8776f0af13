import { invariant } from "../../errors.js";
import { LineAllocator, lineBytes, linesFor, OutOfMemoryError } from "../../memory.js";
import type { CpuEngine } from "./engine.js";

/** A range of lines of the arena. */
export interface Block {
  readonly bytes: number;
  line: number;
  /** The number of the last submission that uses this memory, or may have used it before it was handed out. */
  lastUse: number;
  /** Reads and writes that wait for a submission; the memory is not reused before they are done. */
  pins: number;
  released: boolean;
}

/**
 * Deals out the memory of an engine. Submissions run in order, so memory may be reused while the last submission that
 * reads it still runs; only the host has to wait, which is what `lastUse` is for.
 */
export class Arena {
  readonly #engine: CpuEngine;
  readonly #allocator: LineAllocator;
  #committed = 0;

  constructor(engine: CpuEngine, budgetBytes: number = Number.POSITIVE_INFINITY) {
    this.#engine = engine;
    const capacity = engine.capacityLines;
    this.#allocator = new LineAllocator(capacity, Math.min(capacity, Math.floor(budgetBytes / lineBytes)));
  }

  /** Bytes in use, whatever for. */
  get usedBytes(): number {
    return this.#allocator.usedLines * lineBytes;
  }

  /** A block for `bytes`; `lastUse` is the last submission made so far. Throws OutOfMemoryError. */
  allocate(bytes: number, lastUse: number): Block {
    const allocator = this.#allocator;
    const line = allocator.allocate(linesFor(bytes));
    if (line < 0) throw this.#full(bytes);
    if (allocator.top > this.#committed) {
      if (!this.#engine.commit(allocator.top)) {
        allocator.free(line);
        allocator.trim();
        throw this.#full(bytes);
      }
      // Nothing has ever used lines beyond what was committed.
      if (line >= this.#committed) lastUse = 0;
      this.#committed = allocator.top;
    }
    return { bytes, line, lastUse, pins: 0, released: false };
  }

  /** Takes a block back, at once or when the last read or write that waits for it is done. */
  release(block: Block): void {
    invariant(!block.released, "an allocation is released twice");
    block.released = true;
    if (block.pins === 0) this.#allocator.free(block.line);
  }

  /** Keeps the memory of `block` from being reused until `unpin`. */
  pin(block: Block): void {
    block.pins += 1;
  }

  /** Ends a `pin`. */
  unpin(block: Block): void {
    block.pins -= 1;
    if (block.pins === 0 && block.released) this.#allocator.free(block.line);
  }

  /** Gives the memory of all free lines back to the system; nothing may be running. */
  trim(): void {
    for (const [line, lines] of this.#allocator.freeRanges()) this.#engine.discard(line, lines);
    this.#allocator.trim();
  }

  #full(bytes: number): OutOfMemoryError {
    const { limitLines } = this.#allocator;
    return new OutOfMemoryError(bytes, this.usedBytes, limitLines * lineBytes);
  }
}
