import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, real, reshape, type TensorLike, toTensor } from "./convert.js";
import { eq, lt, neg, where } from "./elementwise.js";
import { gather, type SortOptions, sort } from "./gather.js";
import { slice } from "./movement.js";
import { type Axes, amax, argmax, type ReduceOptions, refuseEmpty, sum } from "./reduce.js";

/** Elements picked along an axis, and their i32 positions on it. */
export interface Picked {
  values: Tensor;
  indices: Tensor;
}

/** The smallest element over `axes` (all by default); NaN when there is one; ties share the gradient. */
export function amin(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  refuseEmpty("amin", x, axes);
  return neg(amax(neg(x), axes, options));
}

/** The position (i32) of the smallest element along `axis` (of the flattened tensor by default), the first on ties. */
export function argmin(x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  refuseEmpty("argmin", x, axis);
  return argmax(neg(x), axis, options);
}

/** The largest elements along `axis` and their positions; the first on ties gets the gradient. For all axes see amax, for two tensors maximum. */
export function max(x: TensorLike, axis: number, options?: ReduceOptions): Picked {
  refuseEmpty("max", x, axis);
  return pick(toTensor("max", x), axis, argmax(x, axis, { keepDims: true }), options);
}

/** The smallest elements along `axis` and their positions; the first on ties gets the gradient. For all axes see amin, for two tensors minimum. */
export function min(x: TensorLike, axis: number, options?: ReduceOptions): Picked {
  refuseEmpty("min", x, axis);
  return pick(toTensor("min", x), axis, argmax(neg(x), axis, { keepDims: true }), options);
}

/** The elements of x at `indices` (size 1 along `axis`). */
function pick(x: Tensor, axis: number, indices: Tensor, { keepDims = false }: ReduceOptions = {}): Picked {
  const { shape } = specOf(x);
  if (shape.length === 0) return { values: x, indices };
  const at = normalizeAxis("max", axis, shape.length);
  const target = keepDims ? specOf(indices).shape : shape.filter((_, i) => i !== at);
  return { values: reshape(gather(x, at, indices), target), indices: reshape(indices, target) };
}

/** The positions (i32) that would sort x along `axis`; stable. */
export const argsort = (x: TensorLike, axis = -1, options?: SortOptions): Tensor => sort(x, axis, options).indices;

/** Options of topK. */
export interface TopKOptions {
  /** The last by default. */
  axis?: number;
  /** False picks the smallest (true). */
  largest?: boolean;
}

/** The k largest elements along an axis, in order, and their positions; earlier ones first on ties. */
export function topK(x: TensorLike, k: number, { axis = -1, largest = true }: TopKOptions = {}): Picked {
  const t = real("topK", x);
  const { shape } = specOf(t);
  const at = normalizeAxis("topK", axis, shape.length);
  if (!Number.isInteger(k) || k < 0 || k > (shape[at] ?? 1)) {
    throw new TensorError("topK", `k ${k} is no number of elements along axis ${axis} of ${formatShape(shape)}.`);
  }
  const sorted = sort(t, at, { descending: largest });
  if (shape.length === 0) return sorted;
  const first = shape.map((_, i): [number, number] | null => (i === at ? [0, k] : null));
  return { values: slice(sorted.values, ...first), indices: slice(sorted.indices, ...first) };
}

/** The lower median along `axis` and its position, as PyTorch's median; NaN when there is one. */
export function median(x: TensorLike, axis = -1, options?: ReduceOptions): Picked {
  const t = real("median", x);
  const { shape } = specOf(t);
  if (shape.length === 0) return { values: t, indices: argmax(t) };
  refuseEmpty("median", t, axis);
  const at = normalizeAxis("median", axis, shape.length);
  const count = shape[at]!;
  const order = sort(t, at);
  // NaN sorts last: with any, the first of them stands behind all the numbers.
  const numbers = sum(cast(eq(t, t), "i32"), at, { keepDims: true });
  const position = where(lt(numbers, count), numbers, Math.floor((count - 1) / 2));
  return pick(t, at, gather(order.indices, at, position), options);
}
