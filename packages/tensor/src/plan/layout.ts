import { byteSize } from "../dtype.js";
import { type Shape, sizeOf } from "../shape.js";
import type { Expression } from "./expression.js";

/** Dimensions from outermost to innermost in memory. */
export type Order = readonly number[];

/** The order of row-major memory. */
export function rowMajor(rank: number): Order {
  return Array.from({ length: rank }, (_, i) => i);
}

/** The order of images in memory: [N, H, W, C]. */
export const channelsLast: Order = [0, 2, 3, 1];

/** Where the points of a space lie in memory. */
export interface Look {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Whether two looks at one memory see the same element at every point of a space. */
export function sameElements(space: Shape, a: Look, b: Look): boolean {
  if (a.offset !== b.offset || a.strides.length !== b.strides.length) return false;
  return space.every((size, i) => size === 1 || a.strides[i] === b.strides[i]);
}

/** Strides of dense memory whose dimensions lie in `order`. */
export function denseStrides(shape: Shape, order: Order): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    strides[order[i]!] = step;
    step *= shape[order[i]!]!;
  }
  return strides;
}

/** The order in which the largest load of `expressions` lies in memory, which elementwise results follow; row-major when none covers the space. */
export function followedOrder(expressions: readonly Expression[], shape: Shape): Order {
  let best: readonly number[] | undefined;
  let bestBytes = 0;
  const seen = new Set<Expression>();
  const stack = [...expressions];
  while (stack.length > 0) {
    const e = stack.pop()!;
    if (seen.has(e)) continue;
    seen.add(e);
    if (e.kind === "op") stack.push(...e.inputs);
    if (e.kind !== "load") continue;
    const covers = shape.every((d, i) => d <= 1 || e.strides[i] !== 0);
    const bytes = sizeOf(shape) * byteSize[e.stored.dtype];
    if (covers && bytes > bestBytes) {
      best = e.strides;
      bestBytes = bytes;
    }
  }
  if (!best) return rowMajor(shape.length);
  return orderOf(shape, best);
}

/** Dimensions sorted by stride, largest first; dimensions of size 1 keep to their left neighbour. */
export function orderOf(shape: Shape, strides: readonly number[]): Order {
  let last = Number.POSITIVE_INFINITY;
  const key = shape.map((d, i) => (last = d > 1 ? Math.abs(strides[i]!) : last));
  return rowMajor(shape.length)
    .slice()
    .sort((a, b) => (key[a] === key[b] ? a - b : key[b]! - key[a]!));
}

/** True when memory with these strides is dense channels-last: what image kernels read. */
export function isChannelsLast(shape: Shape, strides: readonly number[]): boolean {
  const dense = denseStrides(shape, channelsLast);
  return shape.every((d, i) => d <= 1 || strides[i] === dense[i]);
}
