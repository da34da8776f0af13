import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, float, real, type TensorLike } from "./convert.js";
import { add, div, log, lt, mul, neg, where } from "./elementwise.js";
import { sort } from "./gather.js";
import { rand, zeros } from "./generate.js";
import { unsqueeze } from "./movement.js";
import { topK } from "./ordering.js";
import { argmax } from "./reduce.js";

/** Options of dropout. */
export interface DropoutOptions {
  /** False returns x itself (true). */
  training?: boolean;
}

/** x with each element zeroed with probability `p` and the others divided by 1 - p (Srivastava et al. 2014). */
export function dropout(x: TensorLike, p = 0.5, { training = true }: DropoutOptions = {}): Tensor {
  const t = float("dropout", x);
  if (!(p >= 0 && p <= 1)) throw new TensorError("dropout", `p ${p} is no probability: from 0 to 1.`);
  if (!training || p === 0) return t;
  const { shape } = specOf(t);
  if (p === 1) return mul(t, 0);
  return where(lt(rand(shape), 1 - p), mul(t, 1 / (1 - p)), 0);
}

/** 1 with each element's probability, else 0 (f32). */
export function bernoulli(p: TensorLike): Tensor {
  const t = real("bernoulli", p);
  return cast(lt(rand(specOf(t).shape), t), "f32");
}

/** 0 .. n-1 in random order (i32). */
export function randperm(n: number): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new TensorError("randperm", `${n} is no number of elements.`);
  return n === 0 ? zeros([0], { dtype: "i32" }) : sort(rand([n])).indices;
}

/** Options of multinomial. */
export interface MultinomialOptions {
  /** Whether a class may be drawn more than once (false). */
  replacement?: boolean;
}

/**
 * `count` classes (i32 [..., count]) drawn in proportion to weights [..., classes] >= 0, which need no sum of 1. Every class
 * runs an exponential clock at the rate of its weight, and the first to ring are drawn (the Gumbel trick without its logarithms).
 * Without replacement at least `count` weights must be above 0; else classes of weight 0 fill up.
 */
export function multinomial(
  weights: TensorLike,
  count: number,
  { replacement = false }: MultinomialOptions = {},
): Tensor {
  const t = real("multinomial", weights);
  const { shape } = specOf(t);
  const classes = shape.at(-1);
  if (!classes)
    throw new TensorError("multinomial", `weights have shape ${formatShape(shape)}, expected [..., classes].`);
  if (!Number.isInteger(count) || count < 0 || (!replacement && count > classes)) {
    throw new TensorError(
      "multinomial",
      `cannot draw ${count} of ${classes} classes without replacement. Pass {replacement: true}?`,
    );
  }
  const rates = replacement ? unsqueeze(t, shape.length - 1) : t;
  const draws = replacement ? [...shape.slice(0, -1), count, classes] : shape;
  const time = neg(log(add(neg(rand(draws)), 1)));
  const order = where(lt(0, rates), div(rates, time), -1);
  return replacement ? argmax(order, -1) : topK(order, count).indices;
}
