import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { address, collapse, split } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";

/*
 * The guard's words, all 0 before a submission: 0 the code of the first group that met a fault, 1 the index it met,
 * 2 while a group is being looked at: all bits of the first position with a fault, flipped.
 */

/** What word 0 of the guard holds when `group` met a fault. */
export function faultCode(fault: "index" | "nonFinite", group: number): number {
  return group * 4 + (fault === "index" ? 1 : 2);
}

/** The fault and the group that word 0 of a guard means. */
export function decodeFault(code: number): { fault: "index" | "nonFinite"; group: number } {
  return { fault: (code & 3) === 1 ? "index" : "nonFinite", group: code >>> 2 };
}

/** The kernels that look for indices out of 0 to size - 1, and take note of the first one. */
export function checkIndices(index: Operand, size: number, group: number, label: string): Kernel[] {
  // Along dims of stride 0 the same index comes again: the first of them is enough.
  const used = index.shape.map((n, d) => (index.strides[d] === 0 ? 1 : n));
  const { dims, lists } = collapse(used, [index.strides]);
  const total = sizeOf(dims);
  if (sizeOf(index.shape) === 0) return [];
  const names = dims.map((_, d) => `n${d}`);
  const value = (position: string) => [
    ...split(position, dims, names),
    `let value = bitcast<i32>(ld0(${address(lists[0]!, index.offset, names)}));`,
  ];
  const groups = Math.min(256, Math.ceil(total / 64));
  const look = [
    entry([64, 1, 1]),
    `for (var position = i32(at.x); position < ${total}; position += ${groups * 64}) {`,
    ...value("position"),
    `if (value < 0 || value >= ${size}) { atomicMax(&guard[2], ~u32(position)); }`,
    "} }",
  ];
  const note = [
    entry([1, 1, 1]),
    "let flipped = atomicExchange(&guard[2], 0u);",
    "if (flipped == 0u || atomicLoad(&guard[0]) != 0u) { return; }",
    "let position = i32(~flipped);",
    ...value("position"),
    `atomicStore(&guard[0], ${faultCode("index", group)}u);`,
    "atomicStore(&guard[1], bitcast<u32>(value));",
    "}",
  ];
  const shared = { places: [{ slot: index.slot }], memory: "words", guard: "fault" } as const;
  return [
    {
      ...shared,
      label: `${label}, look at indices`,
      code: look.join("\n"),
      workgroup: [64, 1, 1],
      grid: [groups, 1, 1],
    },
    { ...shared, label: `${label}, note a fault`, code: note.join("\n"), workgroup: [1, 1, 1], grid: [1, 1, 1] },
  ];
}
