import { promote } from "../dtype.js";
import { TensorError } from "../errors.js";
import { make, specOf } from "../node.js";
import { formatShape, normalizeAxes, normalizeAxis, sameShape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, reshape, type TensorLike, toTensor } from "./convert.js";

/** The axes in another order: result axis i is axis `order[i]` of x. */
export function permute(x: TensorLike, order: readonly number[]): Tensor {
  const t = toTensor("permute", x);
  const { shape, dtype } = specOf(t);
  const list = order.map((a) => normalizeAxis("permute", a, shape.length));
  if (list.length !== shape.length || new Set(list).size !== list.length) {
    throw new TensorError(
      "permute",
      `order ${formatShape(order)} does not name each of the ${shape.length} axes of ${formatShape(shape)} once.`,
    );
  }
  if (list.every((a, i) => a === i)) return t;
  return make(
    "permute",
    [t],
    { order: list },
    list.map((a) => shape[a]!),
    dtype,
  );
}

/** Two axes exchanged (the last two by default). */
export function transpose(x: TensorLike, a = -2, b = -1): Tensor {
  const t = toTensor("transpose", x);
  const { shape } = specOf(t);
  const order = shape.map((_, i) => i);
  const i = normalizeAxis("transpose", a, shape.length);
  const j = normalizeAxis("transpose", b, shape.length);
  order[i] = j;
  order[j] = i;
  return permute(t, order);
}

/** x with axes of size 1 removed: `axes`, or all of that size. */
export function squeeze(x: TensorLike, axes?: number | readonly number[]): Tensor {
  const t = toTensor("squeeze", x);
  const { shape } = specOf(t);
  const list = axes === undefined ? shape.map((_, i) => i) : normalizeAxes("squeeze", axes, shape.length);
  return reshape(
    t,
    shape.filter((d, i) => d !== 1 || !list.includes(i)),
  );
}

/** x with a new axis of size 1 at `axis` of the result. */
export function unsqueeze(x: TensorLike, axis: number): Tensor {
  const t = toTensor("unsqueeze", x);
  const { shape } = specOf(t);
  const at = normalizeAxis("unsqueeze", axis, shape.length + 1);
  return reshape(t, [...shape.slice(0, at), 1, ...shape.slice(at)]);
}

/** Axes `start` to `end` (inclusive, all by default) merged into one. */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  const t = toTensor("flatten", x);
  const { shape } = specOf(t);
  if (shape.length === 0) return reshape(t, [1]);
  const i = normalizeAxis("flatten", start, shape.length);
  const j = normalizeAxis("flatten", end, shape.length);
  if (i > j) throw new TensorError("flatten", `start ${start} lies behind end ${end}.`);
  return reshape(t, [...shape.slice(0, i), sizeOf(shape.slice(i, j + 1)), ...shape.slice(j + 1)]);
}

/** A range of one axis: an index (the axis goes), `[start, stop]`, `[start, stop, step]`, or null for all. Negative positions count from the end. */
export type Range = number | readonly [number, number?, number?] | null;

/** Elements of x by ranges of its leading axes, as NumPy's basic indexing (out-of-range ends are clipped; a step is at least 1). */
export function slice(x: TensorLike, ...ranges: Range[]): Tensor {
  const t = toTensor("slice", x);
  const { shape, dtype } = specOf(t);
  if (ranges.length > shape.length) {
    throw new TensorError("slice", `${ranges.length} ranges for the ${shape.length} axes of ${formatShape(shape)}.`);
  }
  const start = shape.map(() => 0);
  const step = shape.map(() => 1);
  const sizes = [...shape];
  const dropped: number[] = [];
  ranges.forEach((range, axis) => {
    if (range === null) return;
    const size = shape[axis]!;
    if (typeof range === "number") {
      const at = range < 0 ? range + size : range;
      if (!Number.isInteger(at) || at < 0 || at >= size) {
        throw new TensorError(
          "slice",
          `index ${range} is out of range for axis ${axis} of ${formatShape(shape)} (${-size} to ${size - 1}).`,
        );
      }
      start[axis] = at;
      sizes[axis] = 1;
      dropped.push(axis);
      return;
    }
    const [from, to = size, by = 1] = range;
    if (!Number.isInteger(by) || by < 1)
      throw new TensorError(
        "slice",
        `step ${by}: a step is a whole number of at least 1. Use flip() for reversed order.`,
      );
    start[axis] = clipped(from, size);
    step[axis] = by;
    sizes[axis] = Math.max(0, Math.ceil((clipped(to, size) - start[axis]!) / by));
  });
  let result = t;
  if (!sameShape(sizes, shape) || start.some((s) => s > 0)) {
    result = make("slice", [t], { start, step }, sizes, dtype);
    shareHost(t, result, start, step);
  }
  return dropped.length === 0
    ? result
    : reshape(
        result,
        sizes.filter((_, i) => !dropped.includes(i)),
      );
}

/** A position along an axis, negative ones counted from its end, held inside it. */
function clipped(position: number, size: number): number {
  return Math.min(size, Math.max(0, position < 0 ? position + size : position));
}

/** A range of rows of a host tensor needs no computing: it is a window on the same memory. */
function shareHost(from: Tensor, to: Tensor, start: number[], step: number[]): void {
  const host = from.node.host[from.index];
  if (!host || step.some((s) => s !== 1)) return;
  const { shape } = specOf(from);
  const target = specOf(to).shape;
  if (target.some((d, i) => i > 0 && d !== shape[i])) return;
  const row = sizeOf(shape.slice(1));
  to.node.holdHost(0, host.subarray(start[0]! * row, (start[0]! + target[0]!) * row));
}

/** x with the order along `axes` reversed. */
export function flip(x: TensorLike, axes?: number | readonly number[]): Tensor {
  const t = toTensor("flip", x);
  const { shape, dtype } = specOf(t);
  const list = normalizeAxes("flip", axes, shape.length);
  return list.length === 0 ? t : make("flip", [t], { axes: list }, shape, dtype);
}

/** x with `before[i]` and `after[i]` elements of `value` around axis i and `interior[i]` between its elements. */
export function padRaw(
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  { value = 0, interior = before.map(() => 0) }: { value?: number; interior?: readonly number[] } = {},
): Tensor {
  const { shape, dtype } = specOf(x);
  const sizes = shape.map((d, i) => before[i]! + after[i]! + d + Math.max(0, d - 1) * interior[i]!);
  if (sameShape(sizes, shape)) return x;
  return make("pad", [x], { before: [...before], after: [...after], interior: [...interior], value }, sizes, dtype);
}

/** Tensors joined along an existing axis; all other sizes are equal, dtypes promote. */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (tensors.length === 0) throw new TensorError("concat", "needs at least one tensor, got none.");
  let list = tensors.map((x) => toTensor("concat", x));
  const dtype = list.map((t) => specOf(t).dtype).reduce(promote);
  list = list.map((t) => cast(t, dtype));
  const first = specOf(list[0]!).shape;
  const at = normalizeAxis("concat", axis, first.length);
  let total = 0;
  list.forEach((t, k) => {
    const { shape } = specOf(t);
    if (first.length === 0 || shape.length !== first.length || shape.some((d, i) => i !== at && d !== first[i])) {
      throw new TensorError(
        "concat",
        `tensor ${k} has shape ${formatShape(shape)}, the first has ${formatShape(first)}: all axes but ${at} must agree. Scalars need stack()?`,
      );
    }
    total += shape[at]!;
  });
  if (list.length === 1) return list[0]!;
  return make(
    "concat",
    list,
    { axis: at },
    first.map((d, i) => (i === at ? total : d)),
    dtype,
  );
}
