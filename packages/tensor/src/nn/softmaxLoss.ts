import { detach } from "../ops/convert.js";
import { add, div, exp, log, mul, neg, sub } from "../ops/elementwise.js";
import { customGradient } from "../ops/gather.js";
import { amax, sum } from "../ops/reduce.js";
import type { Tensor } from "../tensor.js";

/** What is wanted of the softmax of one row. */
export interface SoftmaxTarget {
  /** The wanted share of each class, of the input's shape: what the loss is differentiated by, not what it is computed from. */
  readonly shares: Tensor;
  /** What a row's shares add up to: axis of size 1. */
  readonly total: Tensor | 1;
  /** values, of the input's shape or with `axis` at size 1, times the shares. */
  weigh(values: Tensor): Tensor;
}

/**
 * The cross-entropy of softmax(x) along `axis` and the target's shares: sum of -share * log(softmax(x)), with `axis` kept at size
 * 1. Its derivative is written out, total * softmax(x) - shares, because then nothing of x's shape lies in memory but x and its
 * gradient, and each is passed once where the chain rule passes the logarithms of all classes and their gradients again.
 */
export function softmaxLoss(x: Tensor, axis: number, { shares, total, weigh }: SoftmaxTarget): Tensor {
  const kept = { keepDims: true };
  const shifted = sub(x, detach(amax(x, axis, kept)));
  const powers = exp(shifted);
  const all = sum(powers, axis, kept); // at least 1
  const logAll = log(all);
  const scaled = (value: Tensor) => (total === 1 ? value : mul(value, total));
  // In this order the planner meets the sum that has to wait for the targets first, and both sums are one pass over x.
  const loss = add(neg(sum(weigh(shifted), axis, kept)), scaled(logAll));
  return customGradient(loss, [x, shares], (g) => [
    sub(mul(powers, div(scaled(g), all)), weigh(g)),
    mul(g, sub(logAll, shifted)),
  ]);
}
