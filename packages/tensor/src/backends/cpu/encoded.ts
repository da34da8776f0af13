import type { Slot } from "../../backend.js";
import type { groupKinds } from "./codes.js";
import type { CodeBuffer } from "./jit/codeBuffer.js";
import type { SparseTable } from "./sparseRows.js";

/** What encoding a group needs to know of its plan. */
export interface PlanContext {
  readonly slots: readonly Slot[];
  /** Takes the machine code of elementwise work; undefined where there is none. */
  readonly code: CodeBuffer | undefined;
  /** The slots that hold sparse tables. */
  readonly sparse: ReadonlyMap<number, SparseTable>;
}

/** A group's part of a program. */
export interface Encoded {
  kind: keyof typeof groupKinds;
  /** The words after the group's header. */
  payload: number[];
  /** Workspace the group shares among its threads, and what each thread needs besides. */
  workspaceBytes: number;
  threadBytes: number;
  nanoseconds: number;
  /** The words of the payload that hold addresses of machine code. */
  code?: readonly CodeWord[];
}

/** Word `at` of a payload: the low (0) or high (1) half of the address of the code at `offset` of the plan's code. */
export interface CodeWord {
  at: number;
  offset: number;
  half: 0 | 1;
}

/** A group without work; it keeps its place, because the guard reports groups by number. */
export const nothing: Encoded = { kind: "NOTHING", payload: [], workspaceBytes: 0, threadBytes: 0, nanoseconds: 0 };

/** Bytes in whole lines of the cache, so that threads do not share lines. */
export const wholeLines = (bytes: number) => Math.ceil(bytes / 64) * 64;
