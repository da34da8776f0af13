import type { Group, MapGroup, Operand, ReduceGroup, Store } from "../../../backend.js";
import { contiguousStrides, sizeOf } from "../../../shape.js";
import { registerTypes } from "../codegen/instructions.js";
import { bindingAlignment, type Limits } from "../limits.js";
import { type Cut, cutsOf } from "./cuts.js";
import { reach, type Strided, type Windows } from "./windows.js";

/** What `fit` may use: windows, the limits, and workspace (it answers with the byte offset of so many words). */
export interface Room {
  readonly windows: Windows;
  readonly limits: Limits;
  workspace(words: number): number;
}

/**
 * The group, or parts of it that run one after another, so that what an operand of a part touches fits into one binding where
 * that can be. What still does not fit is read through several bindings, which any kernel can and which is slower.
 */
export function fit(group: Group, room: Room): Group[] {
  const { windows, limits } = room;
  const most = limits.bindingBytes - bindingAlignment;
  if (stridedOf(group).every(({ slot }) => windows.slots[slot]!.bytes <= most)) return [group];
  return parts(group, most, room).map((part) => onWindows(part, most, windows));
}

/** Two halves of a group, whatever its size, or undefined where nothing can be cut. */
export function halved(group: Group, windows: Windows): Group[] | undefined {
  const cut = cutsOf(group).find(({ partial }) => !partial);
  if (!cut) return undefined;
  const half = rounded(Math.ceil(cut.size / 2));
  // Windows even on small slots: equal parts then are one kernel.
  return [cut.slice(0, half), cut.slice(half, cut.size)].map((part) => onWindows(part, 0, windows));
}

/** The bytes of operands that one binding does not cover. */
function excess(group: Group, most: number): number {
  let total = 0;
  for (const operand of stridedOf(group)) {
    const { from, to } = reach(operand);
    total += Math.max(0, to - from - most);
  }
  return total;
}

function parts(group: Group, most: number, room: Room): Group[] {
  const before = excess(group, most);
  if (before === 0) return [group];
  const cuts = cutsOf(group);
  const best =
    bestOf(
      cuts.filter(({ partial }) => !partial),
      before,
      most,
    ) ??
    bestOf(
      cuts.filter(({ partial }) => partial),
      before,
      most,
    );
  if (!best) return [group];
  const { cut, length } = best;
  const slices: Group[] = [];
  for (let from = 0; from < cut.size; from += length) slices.push(cut.slice(from, Math.min(cut.size, from + length)));
  if (!cut.partial) return slices.flatMap((slice) => parts(slice, most, room));
  return addedUp(group, slices, room).flatMap((part) => parts(part, most, room));
}

/** The cut whose parts touch least, and the length of its parts; undefined where none helps. */
function bestOf(cuts: readonly Cut[], before: number, most: number): { cut: Cut; length: number } | undefined {
  let best: { cut: Cut; length: number; left: number } | undefined;
  for (const cut of cuts) {
    let length = cut.size;
    let left = before;
    while (left > 0 && length > 1) {
      const shorter = rounded(Math.ceil(length / 2));
      const now = excess(cut.slice(0, shorter), most);
      if (now >= left || shorter === length) break;
      [length, left] = [shorter, now];
    }
    if (left < (best?.left ?? before)) best = { cut, length, left };
  }
  return best;
}

/** A length that keeps the windows of parts aligned and tiles whole. */
function rounded(length: number): number {
  const step = length >= 128 ? 64 : length >= 32 ? 16 : length >= 8 ? 4 : 1;
  return Math.ceil(length / step) * step;
}

/** The slices, each followed by a group that adds what it found to what there was, in order; the last one writes the result. */
function addedUp(group: Group, slices: readonly Group[], { windows, workspace }: Room): Group[] {
  const results = resultsOf(group).map((result) => {
    const words = sizeOf(result.shape);
    const place = () => windows.workspace(workspace(words), words * 4);
    return { ...result, total: place(), found: place() };
  });
  return slices.flatMap((slice, part) => {
    const into = results.map(({ dtype, shape, total, found }) => {
      return { dtype, shape, slot: part === 0 ? total : found, strides: contiguousStrides(shape), offset: 0 };
    });
    const computed = writingTo(slice, into);
    if (part === 0) return [computed];
    const last = part === slices.length - 1;
    const added = results.map(({ op, dtype, shape, total, found, store }): MapGroup => {
      const strides = contiguousStrides(shape);
      const memory = { kind: "memory", dtype, strides, offset: 0 } as const;
      const rounds = last && store.dtype === "f16";
      return {
        kind: "map",
        dims: shape,
        loads: [
          { ...memory, slot: total },
          { ...memory, slot: found },
        ],
        instructions: [{ op, type: dtype, inputs: [0, 1] }, ...(rounds ? [toHalf] : [])],
        stores: [
          last ? { ...store, register: rounds ? 3 : 2 } : { register: 2, slot: total, dtype, strides, offset: 0 },
        ],
        commit: last && group.commit,
        label: `${group.label}, sum of parts`,
      };
    });
    return [computed, ...added];
  });
}

/** Rounds register 2. */
const toHalf = { op: "toHalf", type: "f32", inputs: [2] } as const;

/** The group with other places for its results. */
function writingTo(group: Group, outputs: readonly Operand[]): Group {
  if (group.kind === "contract") return { ...group, outputs, commit: false } as Group;
  const { reduced, reductions, ...rest } = group as ReduceGroup;
  const stores = reductions.map((r, k) => {
    const { shape: _, strides, ...to } = outputs[k]!;
    return { ...r, ...to, strides: strides.map((s, d) => (reduced[d] ? 0 : s)) };
  });
  return { ...rest, reduced, commit: false, reductions: stores };
}

interface Result {
  readonly op: "add" | "max";
  /** What the sum is held in on the way. */
  readonly dtype: "f32" | "i32";
  /** As the group's dims (reduced ones are 1) or the output's. */
  readonly shape: readonly number[];
  readonly store: Omit<Store, "register">;
}

function resultsOf(group: Group): Result[] {
  if (group.kind === "contract") {
    const { shape, ...store } = group.outputs[0]!;
    return [{ op: "add", dtype: store.dtype === "i32" ? "i32" : "f32", shape, store }];
  }
  const { dims, reduced, reductions, loads, instructions } = group as ReduceGroup;
  const types = registerTypes(loads, instructions);
  return reductions.map(({ op, register, ...store }) => ({
    op: op === "sum" ? "add" : "max",
    dtype: types[register]!,
    shape: dims.map((n, d) => (reduced[d] ? 1 : n)),
    store,
  }));
}

/** Everything of a group that lies in memory. */
function stridedOf(group: Group): (Strided & { slot: number })[] {
  if (group.kind === "contract") return [...group.inputs, ...group.outputs];
  const shape = group.dims;
  const stores = group.kind === "map" ? group.stores : group.reductions;
  return [
    ...group.loads.flatMap((load) => (load.kind === "memory" ? [{ ...load, shape }] : [])),
    ...stores.map((s) => ({ ...s, shape })),
  ];
}

/** The group with a window in the place of every slot that is larger than `most`. */
function onWindows(group: Group, most: number, windows: Windows): Group {
  const narrowed = <T extends Omit<Strided, "shape"> & { slot: number }>(it: T, shape: readonly number[]): T => {
    if (windows.slots[it.slot]!.bytes <= most) return it;
    const { slot, offset } = windows.narrowed({ ...it, shape });
    return { ...it, slot, offset };
  };
  if (group.kind === "contract") {
    const each = (o: Operand) => narrowed(o, o.shape);
    return { ...group, inputs: group.inputs.map(each), outputs: group.outputs.map(each) } as Group;
  }
  const loads = group.loads.map((load) => (load.kind === "memory" ? narrowed(load, group.dims) : load));
  if (group.kind === "map") return { ...group, loads, stores: group.stores.map((s) => narrowed(s, group.dims)) };
  return { ...group, loads, reductions: group.reductions.map((r) => narrowed(r, group.dims)) };
}
