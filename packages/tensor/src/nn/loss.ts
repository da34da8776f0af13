import { TensorError } from "../errors.js";
import { real, type TensorLike } from "../ops/convert.js";
import { abs, add, div, eq, exp, gt, log, lt, maximum, mul, sqrt, sub, where } from "../ops/elementwise.js";
import { sum } from "../ops/reduce.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type LossOptions, paired, type Reduction, reduceLosses } from "./reduction.js";

/** The squared error (prediction - target)^2; both of one shape. */
export function mse(prediction: TensorLike, target: TensorLike, { reduction = "mean" }: LossOptions = {}): Tensor {
  const [x, y] = paired("mse", prediction, target);
  const error = sub(x, y);
  return reduceLosses("mse", mul(error, error), reduction);
}

/** The absolute error |prediction - target|; both of one shape. */
export function l1(prediction: TensorLike, target: TensorLike, { reduction = "mean" }: LossOptions = {}): Tensor {
  const [x, y] = paired("l1", prediction, target);
  return reduceLosses("l1", abs(sub(x, y)), reduction);
}

/** Options of `huber`. */
export interface HuberOptions extends LossOptions {
  /** The error up to which the loss is quadratic (1). */
  delta?: number;
}

/** error^2 / 2 up to an error of delta, beyond it delta * (|error| - delta / 2) (Huber, 1964); both of one shape. */
export function huber(
  prediction: TensorLike,
  target: TensorLike,
  { reduction = "mean", delta = 1 }: HuberOptions = {},
): Tensor {
  if (!(delta > 0)) throw new TensorError("huber", `delta is ${delta}, expected a number above 0.`);
  const [x, y] = paired("huber", prediction, target);
  const error = sub(x, y);
  const size = abs(error);
  const losses = where(lt(size, delta), mul(mul(error, error), 0.5), mul(sub(size, delta / 2), delta));
  return reduceLosses("huber", losses, reduction);
}

/** Options of `smoothL1`. */
export interface SmoothL1Options extends LossOptions {
  /** The error up to which the loss is quadratic (1); 0 is `l1`. */
  beta?: number;
}

/** error^2 / (2 beta) below an error of beta, from there |error| - beta / 2 (Girshick, "Fast R-CNN", 2015); both of one shape. */
export function smoothL1(
  prediction: TensorLike,
  target: TensorLike,
  { reduction = "mean", beta = 1 }: SmoothL1Options = {},
): Tensor {
  if (!(beta >= 0)) throw new TensorError("smoothL1", `beta is ${beta}, expected a number of at least 0.`);
  if (beta === 0) return l1(prediction, target, { reduction });
  const [x, y] = paired("smoothL1", prediction, target);
  return mul(huber(x, y, { reduction, delta: beta }), 1 / beta);
}

/** Options of `klDiv`. */
export interface KlDivOptions {
  /** "mean" (over all elements, as PyTorch's); "batchMean" sums and divides by the size of axis 0, which is the divergence by definition. */
  reduction?: Reduction | "batchMean";
  /** Whether the target is log-probabilities too (false). */
  logTarget?: boolean;
}

/** The Kullback-Leibler divergence target * (log target - prediction), where the prediction is log-probabilities; both of one shape. */
export function klDiv(
  prediction: TensorLike,
  target: TensorLike,
  { reduction = "mean", logTarget = false }: KlDivOptions = {},
): Tensor {
  const [x, y] = paired("klDiv", prediction, target);
  // 0 log 0 is 0: there, the logarithm is taken of 1.
  const losses = logTarget ? mul(exp(y), sub(y, x)) : mul(y, sub(log(where(gt(y, 0), y, 1)), x));
  if (reduction !== "batchMean") return reduceLosses("klDiv", losses, reduction);
  return mul(sum(losses), 1 / (x.shape[0] ?? 1));
}

/** Options of `cosineEmbedding`. */
export interface CosineEmbeddingOptions extends LossOptions {
  /** How similar vectors that should differ may be (0). */
  margin?: number;
}

/**
 * For pairs of vectors [N, D] (or [D]) with labels [N] (or []): 1 - cosine where the label is 1 (alike), the cosine above
 * `margin` where it is -1 (different).
 */
export function cosineEmbedding(
  { a, b }: { a: TensorLike; b: TensorLike },
  label: TensorLike,
  { reduction = "mean", margin = 0 }: CosineEmbeddingOptions = {},
): Tensor {
  const [x, y] = paired("cosineEmbedding", a, b);
  const mark = real("cosineEmbedding", label);
  if (x.rank < 1 || x.rank > 2 || !sameShape(mark.shape, x.shape.slice(0, -1))) {
    throw new TensorError(
      "cosineEmbedding",
      `vectors ${formatShape(x.shape)} with labels ${formatShape(mark.shape)}: expected [N, D] and [N], or [D] and [].`,
    );
  }
  const square = (t: Tensor) => add(sum(mul(t, t), -1), 1e-12);
  const cosine = div(sum(mul(x, y), -1), sqrt(mul(square(x), square(y))));
  const alike = where(eq(mark, 1), sub(1, cosine), 0);
  const different = where(eq(mark, -1), maximum(sub(cosine, margin), 0), 0);
  return reduceLosses("cosineEmbedding", add(alike, different), reduction);
}
