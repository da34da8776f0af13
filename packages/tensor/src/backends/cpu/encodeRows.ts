import type { ContractGroup, Operand } from "../../backend.js";
import { byteSize } from "../../dtype.js";
import { sizeOf } from "../../shape.js";
import { imageWords } from "./convTaps.js";
import { groupNanoseconds, unitsPerChunk } from "./cost.js";
import { type Encoded, nothing } from "./encoded.js";
import { collapse, memoryOrder, permuted, viewWords } from "./space.js";

/** Encodes pooling and its gradient. */
export function encodePool(group: ContractGroup<"pool"> | ContractGroup<"poolBack">): Encoded {
  const { kind, kernel, stride, padding, countIncludePad } = group.params;
  const isForward = group.op === "pool";
  const x = group.inputs[0]!;
  const y = isForward ? group.outputs[0]! : group.inputs[1]!;
  const target = group.outputs[0]!;
  if (sizeOf(target.shape) === 0) return nothing;
  const [batch, channels, H, W] = x.shape as [number, number, number, number];
  const [, , rows, columns] = y.shape as [number, number, number, number];
  const payload = [kind === "avg" ? 1 : 0, batch, channels, H, W, rows, columns, ...kernel, ...stride, ...padding];
  payload.push(Number(countIncludePad), ...imageWords(x), ...imageWords(y));
  if (!isForward) payload.push(...imageWords(target));
  const work = sizeOf(y.shape) * kernel[0] * kernel[1] * (isForward ? 0.1 : 0.3) + sizeOf(x.shape) * 0.2;
  return {
    kind: isForward ? "POOL" : "POOL_BACK",
    payload,
    workspaceBytes: 0,
    threadBytes: 0,
    nanoseconds: groupNanoseconds + work,
  };
}

/** Dimensions in the order of memory without those of size 1; one at least is left. */
function ordered(shape: readonly number[], keep: number, lists: readonly (readonly number[])[]): number[] {
  const order = memoryOrder(shape, lists);
  return order.length > 0 ? order : [keep];
}

/** Encodes gather. */
export function encodeGather(group: ContractGroup<"gather">): Encoded {
  const { axis } = group.params;
  const [x, index] = group.inputs as [Operand, Operand];
  const out = group.outputs[0]!;
  const count = sizeOf(out.shape);
  if (count === 0) return nothing;
  const xStrides = x.strides.map((stride, d) => (d === axis ? 0 : stride));
  const dims = collapseTogether(out.shape, [xStrides, index.strides, out.strides], axis);
  const rows = sizeOf(dims.sizes.slice(0, -1));
  const step = unitsPerChunk(rows, 4 + (0.5 * count) / rows);
  const payload = [dims.sizes.length, byteSize[x.dtype], x.shape[axis]!, x.strides[axis]!, step];
  for (const it of [x, index, out]) payload.push(it.slot, it.offset);
  return {
    kind: "GATHER",
    payload: [...payload, ...dims.sizes, ...dims.lists.flat()],
    workspaceBytes: Math.ceil(rows / step) * 8,
    threadBytes: 0,
    nanoseconds: groupNanoseconds + 4 * rows + 0.5 * count,
  };
}

/** Orders dimensions by memory (of the last list first) and merges those that step as one in all lists. */
function collapseTogether(
  shape: readonly number[],
  lists: readonly (readonly number[])[],
  keep: number,
): { sizes: number[]; lists: number[][] } {
  const order = ordered(shape, keep, [...lists].reverse());
  const sizes: number[] = [];
  const merged: number[][] = lists.map(() => []);
  for (const d of order) {
    const size = shape[d]!;
    const last = sizes.length - 1;
    if (last >= 0 && lists.every((list, i) => merged[i]![last] === list[d]! * size)) {
      sizes[last]! *= size;
      for (const [i, list] of lists.entries()) merged[i]![last] = list[d]!;
    } else {
      sizes.push(size);
      for (const [i, list] of lists.entries()) merged[i]!.push(list[d]!);
    }
  }
  return { sizes, lists: merged };
}

/** Encodes scatterAdd. */
export function encodeScatterAdd(group: ContractGroup<"scatterAdd">): Encoded {
  const { axis } = group.params;
  const [index, source] = group.inputs as [Operand, Operand];
  const out = group.outputs[0]!;
  const size = sizeOf(out.shape);
  if (size === 0) return nothing;
  const larger = out.shape.map((it, d) => Math.max(it, source.shape[d]!, d === axis ? 2 : 1));
  const order = ordered(larger, axis, [out.strides, source.strides]);
  const sizes = permuted(source.shape, order);
  const outSizes = permuted(out.shape, order);
  const indexStrides = permuted(index.strides, order);
  const at = order.indexOf(axis);
  // Rows of the output are owned by chunks if an index serves a whole row, else the longest other dimension is cut.
  const last = order.length - 1;
  const rowsMove = last !== at && (indexStrides[last] === 0 || sizes[last] === 1);
  let split = at;
  for (let d = 0; d <= last && !rowsMove; d++) {
    if (d !== at && (split === at || outSizes[d]! > outSizes[split]!) && outSizes[d]! > 1) split = d;
  }
  const rows = sizeOf(sizes.slice(0, -1));
  const count = sizeOf(sizes);
  const chunks = Math.max(1, Math.min(16, outSizes[split]!, Math.floor((size + 4 * count) / 100_000)));
  const step = Math.ceil(outSizes[split]! / chunks);
  const add = source.dtype === "f32" ? 0 : source.dtype === "i32" ? 1 : 2;
  const payload = [order.length, add, at, split, step];
  for (const it of [index, source, out]) payload.push(it.slot, it.offset);
  payload.push(
    ...sizes,
    ...outSizes,
    ...indexStrides,
    ...permuted(source.strides, order),
    ...permuted(out.strides, order),
  );
  return {
    kind: "SCATTER_ADD",
    payload,
    workspaceBytes: Math.ceil(outSizes[split]! / step) * 8,
    threadBytes: 0,
    nanoseconds: groupNanoseconds + 0.2 * size + 0.7 * count + 4 * rows,
  };
}

/** Encodes sort. */
export function encodeSort(group: ContractGroup<"sort">): Encoded {
  const x = group.inputs[0]!;
  const rank = x.shape.length;
  const length = rank === 0 ? 1 : x.shape[rank - 1]!;
  const outer = x.shape.slice(0, -1);
  const rows = sizeOf(outer);
  if (rows * length === 0) return nothing;
  const kind = x.dtype === "f32" ? 0 : x.dtype === "i32" ? 1 : 2;
  const rowNanoseconds = length * (length <= 32 ? 1 + length / 8 : 12) + 1500 * Number(length > 32);
  const step = unitsPerChunk(rows, rowNanoseconds);
  const payload = [rows, length, kind, Number(group.params.descending), step];
  for (const { slot, offset, strides } of [x, ...group.outputs]) {
    payload.push(slot, offset, rank === 0 ? 1 : strides[rank - 1]!);
    payload.push(...viewWords(collapse(outer, strides.slice(0, -1))));
  }
  const bytes = 16 * length;
  return {
    kind: "SORT",
    payload,
    // A single chunk runs on the first thread.
    workspaceBytes: rows <= step ? bytes : 0,
    threadBytes: rows <= step ? 0 : bytes,
    nanoseconds: groupNanoseconds + rows * rowNanoseconds,
  };
}

/** Encodes the check for NaN and infinity. */
export function encodeCheckFinite(group: ContractGroup<"checkFinite">): Encoded {
  const { slot, offset, shape, strides } = group.inputs[0]!;
  const count = sizeOf(shape);
  if (count === 0) return nothing;
  const order = memoryOrder(shape, [strides]);
  const view = collapse(permuted(shape, order), permuted(strides, order));
  const step = unitsPerChunk(count, 0.15);
  return {
    kind: "CHECK_FINITE",
    payload: [count, step, slot, offset, ...viewWords(view)],
    workspaceBytes: Math.ceil(count / step) * 8,
    threadBytes: 0,
    nanoseconds: groupNanoseconds + 0.15 * count,
  };
}
