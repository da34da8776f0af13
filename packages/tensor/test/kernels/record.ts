import { appendFileSync } from "node:fs";
import type { Slot } from "../../src/backend.js";
import { encode } from "../../src/backends/cpu/encode.js";
import type { HostArray } from "../../src/dtype.js";
import type { Outcome, Work } from "./outcome.js";

/** Most threads that a recorded program may be run with: replay.cc has the same number. */
const threads = 3;

const codeOf = (data: HostArray) => (data instanceof Float32Array ? 0 : data instanceof Int32Array ? 1 : 2);
const bytesOf = (data: HostArray | Int32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/**
 * Appends a piece of work as the kernels see it, with what it must leave behind, to a file that kernels/replay.cc runs on
 * another machine or in an emulator. Words, then bytes filled up to whole words: words of the program, scalars, slots, lines of
 * workspace, the expected fault, the tolerance as a float; program; scalars; and for each slot its type, bytes, contents before
 * and after.
 */
export function record(file: string, work: Work, expected: Outcome, tolerance: number): void {
  const slots: Slot[] = work.memory.map((data, index) => ({ kind: "bound", bytes: data.byteLength, offset: 0, index }));
  const scalars = work.scalars ?? new Int32Array(0);
  const { program, workspaceBytes } = encode(
    { groups: work.groups, slots, scratchBytes: 0, scalarCount: scalars.length },
    threads,
  );
  const fault = expected.report === undefined ? 0 : 1;
  const head = [program.length, scalars.length, slots.length, Math.ceil(workspaceBytes / 64), fault];
  const parts = [
    bytesOf(Int32Array.from(head)),
    bytesOf(Float32Array.of(tolerance)),
    bytesOf(program),
    bytesOf(scalars),
  ];
  work.memory.forEach((before, i) => {
    parts.push(bytesOf(Int32Array.of(codeOf(before), before.byteLength)));
    for (const data of [before, expected.memory[i]!]) {
      parts.push(bytesOf(data), new Uint8Array(-data.byteLength & 3));
    }
  });
  appendFileSync(file, Buffer.concat(parts));
}
