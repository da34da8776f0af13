import { softplus } from "../ops/activation.js";
import { detach, type TensorLike } from "../ops/convert.js";
import { add, eq, log, logicalOr, lt, maximum, mul, neg, sub, where } from "../ops/elementwise.js";
import type { Tensor } from "../tensor.js";
import { type LossOptions, paired, reduceLosses } from "./reduction.js";

/** Options of `bce`. */
export interface BceOptions extends LossOptions {
  /** Multiplies the losses; broadcasts to them. */
  weight?: TensorLike;
}

/** Options of `bceWithLogits`. */
export interface BceWithLogitsOptions extends BceOptions {
  /** Multiplies the losses of positive targets; broadcasts to them (a number a class on the last axis). */
  posWeight?: TensorLike;
}

/** log p, at least -100; its derivative stays 1e12 below p = 1e-12 and is 0 at p = 1, as in PyTorch's loss. */
function boundedLog(p: Tensor): Tensor {
  const small = lt(p, 1e-12);
  const fixed = detach(p);
  const value = where(lt(fixed, 1e-38), -100, log(maximum(fixed, 1e-38)));
  const line = add(value, mul(sub(p, fixed), 1e12));
  return where(small, line, log(where(logicalOr(small, eq(p, 1)), 1, p)));
}

/**
 * The binary cross-entropy -(y log p + (1 - y) log(1 - p)) of probabilities p and targets y in [0, 1] of one shape. Logarithms
 * are at least -100, as PyTorch's. Of scores before a sigmoid, `bceWithLogits` is the exact and stable form.
 */
export function bce(
  probability: TensorLike,
  target: TensorLike,
  { reduction = "mean", weight }: BceOptions = {},
): Tensor {
  const [p, y] = paired("bce", probability, target);
  const losses = neg(add(mul(y, boundedLog(p)), mul(sub(1, y), boundedLog(sub(1, p)))));
  return reduceLosses("bce", weight === undefined ? losses : mul(losses, weight), reduction);
}

/** The binary cross-entropy of sigmoid(x) for scores x and targets y in [0, 1] of one shape, without overflow. */
export function bceWithLogits(
  score: TensorLike,
  target: TensorLike,
  { reduction = "mean", weight, posWeight }: BceWithLogitsOptions = {},
): Tensor {
  const [x, y] = paired("bceWithLogits", score, target);
  // -log sigmoid(x) = softplus(-x), and -log(1 - sigmoid(x)) = x + softplus(-x)
  const positive = softplus(neg(x));
  const share = posWeight === undefined ? positive : mul(positive, add(mul(sub(posWeight, 1), y), 1));
  const losses = add(mul(sub(1, y), x), share);
  return reduceLosses("bceWithLogits", weight === undefined ? losses : mul(losses, weight), reduction);
}
