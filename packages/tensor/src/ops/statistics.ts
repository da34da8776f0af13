import { specOf } from "../node.js";
import { normalizeAxes, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, detach, expand, numeric, real, reshape, type TensorLike, toTensor } from "./convert.js";
import { abs, add, eq, exp, log, mul, ne, recip, sqrt, sub, where } from "./elementwise.js";
import { full } from "./generate.js";
import { padRaw, permute, slice } from "./movement.js";
import { amin } from "./ordering.js";
import { pow } from "./power.js";
import { type Axes, amax, type ReduceOptions, sum } from "./reduce.js";
import { isFinite } from "./rounding.js";

/** Options of variance and std. */
export interface VarianceOptions extends ReduceOptions {
  /** What is subtracted from the count in the divisor (1: the unbiased estimate). */
  correction?: number;
}

function countOf(op: string, x: Tensor, axes: Axes): number {
  const { shape } = specOf(x);
  return sizeOf(normalizeAxes(op, axes, shape.length).map((i) => shape[i]!));
}

/** The shape of `x` without `axes`, or with size 1 there. */
function reducedShape(x: Tensor, axes: readonly number[], keepDims: boolean): number[] {
  const { shape } = specOf(x);
  return keepDims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));
}

/** The mean over `axes` (all by default); NaN over nothing. */
export function mean(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  const t = real("mean", x);
  const count = countOf("mean", t, axes);
  return mul(sum(t, axes, options), 1 / count);
}

/** x less its mean over `axes`, given the `total` over them: divided inside the kernel that subtracts. */
function fromMean(x: Tensor, total: Tensor, axes: Axes): Tensor {
  return add(x, mul(expand(total, specOf(x).shape), -1 / countOf("mean", x, axes)));
}

/** (x - mean) / sqrt(variance + epsilon) with the mean and the uncorrected variance of `axes`. */
export function standardize(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const distance = fromMean(x, sum(x, axes, { keepDims: true }), axes);
  const variance = mean(mul(distance, distance), axes, { keepDims: true });
  return mul(distance, recip(sqrt(add(variance, epsilon))));
}

/** Variance and mean over `axes` (all by default), in two passes. */
export function varMean(
  x: TensorLike,
  axes?: Axes,
  { correction = 1, keepDims = false }: VarianceOptions = {},
): { variance: Tensor; mean: Tensor } {
  const t = real("variance", x);
  const count = countOf("variance", t, axes);
  const total = sum(t, axes, { keepDims: true });
  const distance = fromMean(t, total, axes);
  const divisor = Math.max(0, count - correction);
  const variance = mul(sum(mul(distance, distance), axes, { keepDims }), 1 / divisor);
  return { variance, mean: mul(reshape(total, specOf(variance).shape), 1 / count) };
}

/** The variance over `axes` (all by default), PyTorch's var; NaN when the count is not above the correction. */
export const variance = (x: TensorLike, axes?: Axes, options?: VarianceOptions): Tensor =>
  varMean(x, axes, options).variance;

/** The standard deviation over `axes` (all by default); where it is 0 its gradient is 0. */
export const std = (x: TensorLike, axes?: Axes, options?: VarianceOptions): Tensor =>
  rootOrZero(variance(x, axes, options));

/** The square root with derivative 0 at 0. */
function rootOrZero(x: Tensor): Tensor {
  const zero = eq(x, 0);
  return where(zero, 0, sqrt(where(zero, 1, x)));
}

/** Options of norm. */
export interface NormOptions extends ReduceOptions {
  /** The exponent: 2 by default; Infinity and -Infinity give the largest and smallest size, 0 counts what is not 0. */
  p?: number;
}

/** The p-norm of the elements over `axes` (all by default), as PyTorch's vector_norm; its gradient at 0 is 0. */
export function norm(x: TensorLike, axes?: Axes, { p = 2, keepDims = false }: NormOptions = {}): Tensor {
  const t = real("norm", x);
  normalizeAxes("norm", axes, specOf(t).shape.length);
  const options = { keepDims };
  if (p === Number.POSITIVE_INFINITY) return amax(abs(t), axes, options);
  if (p === Number.NEGATIVE_INFINITY) return amin(abs(t), axes, options);
  if (p === 0) return sum(cast(ne(t, 0), "f32"), axes, options);
  if (p === 1) return sum(abs(t), axes, options);
  if (p === 2) return rootOrZero(sum(mul(t, t), axes, options));
  const total = sum(pow(abs(t), p), axes, options);
  const zero = eq(total, 0);
  return where(zero, 0, pow(where(zero, 1, total), 1 / p));
}

/** log(sum(exp(x))) over `axes` (all by default), without overflow. */
export function logsumexp(x: TensorLike, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  const t = real("logsumexp", x);
  const list = normalizeAxes("logsumexp", axes, specOf(t).shape.length);
  const largest = detach(amax(t, axes, { keepDims: true }));
  const shift = where(isFinite(largest), largest, 0);
  const total = add(log(sum(exp(sub(t, shift)), axes, { keepDims: true })), shift);
  return reshape(total, reducedShape(t, list, keepDims));
}

/** The product over `axes` (all by default), 1 over nothing; multiplied in a tree, so the gradient is right where elements are 0. */
export function prod(x: TensorLike, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  const t = numeric(toTensor("prod", x));
  const { shape, dtype } = specOf(t);
  const list = normalizeAxes("prod", axes, shape.length);
  const others = shape.map((_, i) => i).filter((i) => !list.includes(i));
  const outer = others.map((i) => shape[i]!);
  const target = reducedShape(t, list, keepDims);
  const count = countOf("prod", t, list);
  if (count === 0) return full(target, 1, { dtype });
  let rows = reshape(permute(t, [...others, ...list]), [sizeOf(outer), count]);
  for (let n = count; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.ceil(n / 2);
    const right = slice(rows, null, [half, n]);
    rows = mul(slice(rows, null, [0, half]), n % 2 === 1 ? padRaw(right, [0, 0], [0, 1], { value: 1 }) : right);
  }
  return reshape(rows, target);
}

/** How many elements are not 0 over `axes` (all by default), as i32. */
export function countNonzero(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return sum(cast(toTensor("countNonzero", x), "bool"), axes, options);
}

/** Whether any element over `axes` (all by default) is not 0, as bool; false over nothing. */
export const any = (x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor =>
  cast(countNonzero(x, axes, options), "bool");

/** Whether no element over `axes` (all by default) is 0, as bool; true over nothing. */
export const all = (x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor =>
  eq(sum(eq(toTensor("all", x), 0), axes, options), 0);
