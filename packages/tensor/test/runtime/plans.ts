import type { Group, InstructionOp, MapGroup, Operand, Plan, Slot } from "../../src/backend.js";

/*
 * Small plans written by hand: what the runtime tests submit. `n` counts f32 elements.
 */

const scalar = { kind: "scalar", index: 0, dtype: "f32" } as const;

function slot(kind: Slot["kind"], n: number, index: number): Slot {
  return { kind, bytes: n * 4, offset: 0, index };
}

function map(n: number, from: number, to: number, op: InstructionOp, loads: MapGroup["loads"] = []): MapGroup {
  const memory = { kind: "memory", slot: from, dtype: "f32", strides: [1], offset: 0 } as const;
  return {
    kind: "map",
    dims: [n],
    loads: [memory, ...loads],
    instructions: [{ op, type: "f32", inputs: [0, ...loads.map((_, i) => i + 1)] }],
    stores: [{ register: loads.length + 1, slot: to, dtype: "f32", strides: [1], offset: 0 }],
    commit: false,
    label: op,
  };
}

function plan(groups: Group[], slots: Slot[], scratchBytes = 0, scalarCount = 1): Plan {
  return { groups, slots, scratchBytes, scalarCount };
}

/** bound[0] += scalar, through scratch memory. */
export function addScalar(n: number): Plan {
  const slots = [slot("bound", n, 0), slot("scratch", n, 0)];
  return plan([map(n, 0, 1, "add", [scalar]), map(n, 1, 0, "abs")], slots, n * 4);
}

/** bound[0] = upload[0] + scalar. */
export function storeUpload(n: number): Plan {
  return plan([map(n, 1, 0, "add", [scalar])], [slot("bound", n, 0), slot("upload", n, 0)]);
}

/** bound[1] = bound[0] + scalar. */
export function addInto(n: number): Plan {
  return plan([map(n, 0, 1, "add", [scalar])], [slot("bound", n, 0), slot("bound", n, 1)]);
}

/** bound[0] += scalar, after `repeats` passes of sines that nobody reads. */
export function slow(n: number, repeats: number): Plan {
  const slots = [slot("bound", n, 0), slot("scratch", n, 0)];
  const sines = Array.from({ length: repeats }, () => map(n, 0, 1, "sin"));
  return plan([...sines, map(n, 0, 0, "add", [scalar])], slots, n * 4);
}

/** bound[2] = bound[0] @ bound[1], square matrices of `size`, then the sum of each row of sines into bound[3]. */
export function matmulAndSum(size: number): Plan {
  const operand = (slotNumber: number): Operand => ({
    slot: slotNumber,
    dtype: "f32",
    shape: [size, size],
    strides: [size, 1],
    offset: 0,
  });
  const slots = [0, 1, 2, 3].map((i) => slot("bound", i < 3 ? size * size : size, i));
  const matmul: Group = {
    kind: "contract",
    op: "matmul",
    params: null,
    inputs: [operand(0), operand(1)],
    outputs: [operand(2)],
    commit: false,
    label: "matmul",
  };
  const sum: Group = {
    kind: "reduce",
    dims: [size, size],
    reduced: [false, true],
    loads: [{ kind: "memory", slot: 2, dtype: "f32", strides: [size, 1], offset: 0 }],
    instructions: [{ op: "sin", type: "f32", inputs: [0] }],
    reductions: [{ op: "sum", register: 1, slot: 3, dtype: "f32", strides: [1, 0], offset: 0 }],
    commit: false,
    label: "sum",
  };
  return plan([matmul, sum], slots, 0, 0);
}

/** Checks that bound[0] is finite, then commits bound[1] = bound[0] + scalar. */
export function checkedAdd(n: number): Plan {
  const x: Operand = { slot: 0, dtype: "f32", shape: [n], strides: [1], offset: 0 };
  const check: Group = {
    kind: "contract",
    op: "checkFinite",
    params: null,
    inputs: [x],
    outputs: [],
    commit: false,
    label: "checkFinite",
  };
  const add: Group = { ...map(n, 0, 1, "add", [scalar]), commit: true };
  return plan([check, add], [slot("bound", n, 0), slot("bound", n, 1)]);
}

/** The scalars of a submission, from f32 numbers. */
export function scalars(...values: number[]): Int32Array {
  return new Int32Array(Float32Array.from(values).buffer);
}
