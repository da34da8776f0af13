import type { ContractGroup, Group, Plan } from "../../backend.js";
import { groupKinds, maxThreads } from "./codes.js";
import { encodeContract } from "./encodeContract.js";
import type { CodeWord, Encoded, PlanContext } from "./encoded.js";
import { encodeMap } from "./encodeMap.js";
import { encodeReduce } from "./encodeReduce.js";
import type { CodeBuffer } from "./jit/codeBuffer.js";
import { encodeScatterRows, sparseTables } from "./sparseRows.js";

/** A plan as the kernels read it. */
export interface EncodedPlan {
  program: Int32Array;
  /** What the kernels need beside the slots, for the number of threads asked for. */
  workspaceBytes: number;
  /** Predicted run time on one core. */
  microseconds: number;
  /** Machine code that the program calls; empty when there is none. */
  code: Uint8Array;
  /** Where the program holds addresses of it. */
  codeWords: CodeWord[];
}

function encodeGroup(group: Group, context: PlanContext): Encoded {
  if (group.kind === "map") return encodeMap(group, context);
  if (group.kind === "reduce") return encodeReduce(group, context);
  const table = context.sparse.get(group.outputs[0]?.slot ?? -1);
  if (table && group.op === "scatterAdd") return encodeScatterRows(group as ContractGroup<"scatterAdd">, table);
  return encodeContract(group);
}

/** Encodes a plan for the CPU kernels (kernels/program.h); at most `threads` threads will run it. With `code`, some work becomes machine code there. */
export function encode(plan: Plan, threads: number = maxThreads, code?: CodeBuffer): EncodedPlan {
  const words: number[] = [];
  const codeWords: CodeWord[] = [];
  const context = { slots: plan.slots, code, sparse: sparseTables(plan) };
  let workspaceBytes = 0;
  let nanoseconds = 0;
  for (const group of plan.groups) {
    const encoded = encodeGroup(group, context);
    words.push(groupKinds[encoded.kind], encoded.payload.length + 3, group.commit ? 1 : 0);
    for (const it of encoded.code ?? []) codeWords.push({ ...it, at: words.length + it.at });
    for (const word of encoded.payload) words.push(word);
    workspaceBytes = Math.max(workspaceBytes, encoded.workspaceBytes + encoded.threadBytes * threads);
    nanoseconds += encoded.nanoseconds;
  }
  return {
    program: Int32Array.from(words),
    workspaceBytes,
    microseconds: nanoseconds / 1000,
    code: code?.finish() ?? new Uint8Array(0),
    codeWords,
  };
}

/** Writes the addresses of code that was placed at `address` into the program. */
export function linkCode({ program, codeWords }: EncodedPlan, address: number): void {
  for (const { at, offset, half } of codeWords) {
    const to = address + offset;
    program[at] = half === 0 ? to % 2 ** 32 : Math.floor(to / 2 ** 32);
  }
}
