import type { Group, Plan, Slot } from "../../backend.js";
import { groupKinds, maxThreads } from "./codes.js";
import { encodeContract } from "./encodeContract.js";
import type { Encoded } from "./encoded.js";
import { encodeMap } from "./encodeMap.js";
import { encodeReduce } from "./encodeReduce.js";

/** A plan as the kernels read it. */
export interface EncodedPlan {
  program: Int32Array;
  /** What the kernels need beside the slots, for the number of threads asked for. */
  workspaceBytes: number;
  /** Predicted run time on one core. */
  microseconds: number;
}

function encodeGroup(group: Group, slots: readonly Slot[]): Encoded {
  if (group.kind === "map") return encodeMap(group, slots);
  if (group.kind === "reduce") return encodeReduce(group, slots);
  return encodeContract(group);
}

/** Encodes a plan for the CPU kernels (kernels/program.h); at most `threads` threads will run it. */
export function encode(plan: Plan, threads: number = maxThreads): EncodedPlan {
  const words: number[] = [];
  let workspaceBytes = 0;
  let nanoseconds = 0;
  for (const group of plan.groups) {
    const encoded = encodeGroup(group, plan.slots);
    words.push(groupKinds[encoded.kind], encoded.payload.length + 3, group.commit ? 1 : 0);
    for (const word of encoded.payload) words.push(word);
    workspaceBytes = Math.max(workspaceBytes, encoded.workspaceBytes + encoded.threadBytes * threads);
    nanoseconds += encoded.nanoseconds;
  }
  return { program: Int32Array.from(words), workspaceBytes, microseconds: nanoseconds / 1000 };
}
