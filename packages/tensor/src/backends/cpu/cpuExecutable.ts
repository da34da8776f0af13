import type { Executable, Plan } from "../../backend.js";
import { lineBytes, linesFor } from "../../memory.js";
import type { Block } from "./arena.js";
import type { EncodedPlan } from "./encode.js";
import { guardWords } from "./engine.js";

/** A plan whose program lies in the arena. */
export class CpuExecutable implements Executable {
  readonly plan: Plan;
  readonly program: Block;
  readonly words: number;
  readonly workspaceBytes: number;
  readonly microseconds: number;
  /** The lines from the start of the upload region to each upload slot, by Slot.index. */
  readonly uploadLines: number[] = [];
  readonly uploadSizes: number[] = [];
  /** The table entries of the scratch slots, and their lines from the start of the scratch region. */
  readonly scratchEntries: number[] = [];
  readonly scratchLines: number[] = [];
  /** The table entries of the bound and upload slots, by Slot.index. */
  readonly boundEntries: number[] = [];
  readonly uploadEntries: number[] = [];
  /** What each submission fills in: guard, scalars, table. */
  readonly block: Int32Array;
  readonly uploadBytes: number;
  disposed = false;
  readonly #dispose: (executable: CpuExecutable) => void;

  constructor(plan: Plan, encoded: EncodedPlan, program: Block, dispose: (executable: CpuExecutable) => void) {
    this.plan = plan;
    this.program = program;
    this.words = encoded.program.length;
    this.workspaceBytes = encoded.workspaceBytes;
    this.microseconds = encoded.microseconds;
    this.#dispose = dispose;
    const tableStart = guardWords + plan.scalarCount;
    this.block = new Int32Array(tableStart + plan.slots.length);
    let line = linesFor(this.block.byteLength);
    for (const [entry, slot] of plan.slots.entries()) {
      if (slot.kind === "scratch") {
        this.scratchEntries.push(tableStart + entry);
        this.scratchLines.push(slot.offset / lineBytes);
      } else if (slot.kind === "bound") {
        this.boundEntries[slot.index] = tableStart + entry;
      } else {
        this.uploadEntries[slot.index] = tableStart + entry;
        this.uploadLines[slot.index] = line;
        this.uploadSizes[slot.index] = slot.bytes;
        line += linesFor(slot.bytes);
      }
    }
    this.uploadBytes = line * lineBytes;
  }

  dispose(): void {
    if (!this.disposed) this.#dispose(this);
    this.disposed = true;
  }
}
