import { TensorError } from "../errors.js";
import { make, specOf } from "../node.js";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { numeric, reshape, type TensorLike, toTensor, wide } from "./convert.js";

/** Axes to reduce over: one, several, or all when undefined. */
export type Axes = number | readonly number[] | undefined;

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep reduced axes with size 1 (false). */
  keepDims?: boolean;
}

function reduce(op: "sum" | "maxReduce", x: TensorLike, axes: Axes, keepDims: boolean): Tensor {
  const t = wide(numeric(toTensor(op, x)));
  const { shape, dtype } = specOf(t);
  const list = normalizeAxes(op === "sum" ? "sum" : "max", axes, shape.length);
  const kept = shape.map((d, i) => (list.includes(i) ? 1 : d));
  const full = list.length === 0 ? t : make(op, [t], { axes: list }, kept, dtype);
  return keepDims
    ? full
    : reshape(
        full,
        shape.filter((_, i) => !list.includes(i)),
      );
}

/** The sum over `axes` (all by default), f32 of halves; 0 over nothing. */
export function sum(x: TensorLike, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  return reduce("sum", x, axes, keepDims);
}

/** The largest element over `axes` (all by default), f32 of halves; NaN when there is one; ties share the gradient, as PyTorch's amax. */
export function amax(x: TensorLike, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  refuseEmpty("amax", x, axes);
  return reduce("maxReduce", x, axes, keepDims);
}

/** The position (i32) of the largest element along `axis` (of the flattened tensor by default), the first on ties. */
export function argmax(x: TensorLike, axis?: number, { keepDims = false }: ReduceOptions = {}): Tensor {
  const t = wide(numeric(toTensor("argmax", x)));
  if (axis === undefined) {
    const position = argmax(reshape(t, [-1]), 0);
    return keepDims
      ? reshape(
          position,
          specOf(t).shape.map(() => 1),
        )
      : position;
  }
  const { shape } = specOf(t);
  const at = normalizeAxis("argmax", axis, shape.length);
  refuseEmpty("argmax", t, at);
  if (shape.length === 0) return reshape(argmax(reshape(t, [1]), 0), []);
  const full = make(
    "argmax",
    [t],
    { axis: at },
    shape.map((d, i) => (i === at ? 1 : d)),
    "i32",
  );
  return keepDims
    ? full
    : reshape(
        full,
        shape.filter((_, i) => i !== at),
      );
}

/** Throws when there is nothing to choose from along `axes`. */
export function refuseEmpty(op: string, x: TensorLike, axes: Axes): void {
  const { shape } = specOf(toTensor(op, x));
  const list = normalizeAxes(op, axes, shape.length);
  if (sizeOf(list.map((i) => shape[i]!)) === 0) {
    throw new TensorError(
      op,
      `${formatShape(shape)} has no elements along axes ${formatShape(list)}: there is no largest. Check for an empty batch?`,
    );
  }
}
