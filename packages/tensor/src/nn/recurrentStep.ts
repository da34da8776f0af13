import { matmul } from "../ops/contract.js";
import { add, maximum, mul, sigmoid, sub, tanh } from "../ops/elementwise.js";
import { linear } from "../ops/linear.js";
import { slice, transpose } from "../ops/movement.js";
import type { Tensor } from "../tensor.js";

/** The weights of one layer and direction. */
export interface RecurrentWeights {
  /** [gates * H, in] */
  weightIh: Tensor;
  /** [gates * H, H] */
  weightHh: Tensor;
  /** [gates * H] */
  biasIh?: Tensor | undefined;
  /** [gates * H] */
  biasHh?: Tensor | undefined;
}

/** The function of a plain recurrent net. */
export type RecurrentNonlinearity = "tanh" | "relu";

/** What is carried from step to step: [hidden], or [hidden, cell], each [B, H]. */
export type Carried = readonly Tensor[];

/** One step: the projected input [B, gates * H], the projected hidden state [B, gates * H] and what was carried give what is carried next. */
export type Step = (input: Tensor, hidden: Tensor, carried: Carried) => Carried;

/** The projected hidden state; the weight was transposed once for all steps. */
function projectHidden(hidden: Tensor, transposed: Tensor, bias: Tensor | undefined): Tensor {
  const y = matmul(hidden, transposed);
  return bias ? add(y, bias) : y;
}

/** Piece `k` of `count` equal pieces of the last axis of t [B, count * H]. */
function piece(t: Tensor, k: number, count: number): Tensor {
  const size = t.shape[1]! / count;
  return slice(t, null, [k * size, (k + 1) * size]);
}

/** h' = tanh or relu (input + hidden) (Elman, 1990). */
export const rnnStep =
  (nonlinearity: RecurrentNonlinearity): Step =>
  (input, hidden) => {
    const sum = add(input, hidden);
    return [nonlinearity === "tanh" ? tanh(sum) : maximum(sum, 0)];
  };

/** Gates r, z, n in PyTorch's order; the reset gate is applied after the hidden product (Cho et al., 2014). */
export const gruStep: Step = (input, hidden, [before]) => {
  const reset = sigmoid(add(piece(input, 0, 3), piece(hidden, 0, 3)));
  const update = sigmoid(add(piece(input, 1, 3), piece(hidden, 1, 3)));
  const fresh = tanh(add(piece(input, 2, 3), mul(reset, piece(hidden, 2, 3))));
  return [add(fresh, mul(update, sub(before!, fresh)))];
};

/** Gates i, f, g, o in PyTorch's order (Hochreiter and Schmidhuber, 1997). */
export const lstmStep: Step = (input, hidden, [, cell]) => {
  const gates = add(input, hidden);
  const kept = mul(sigmoid(piece(gates, 1, 4)), cell!);
  const next = add(kept, mul(sigmoid(piece(gates, 0, 4)), tanh(piece(gates, 2, 4))));
  return [mul(sigmoid(piece(gates, 3, 4)), tanh(next)), next];
};

/** One step on an input x [B, in]. */
export function runStep(step: Step, x: Tensor, carried: Carried, weights: RecurrentWeights): Carried {
  const input = linear(x, weights.weightIh, weights.biasIh);
  return step(input, projectHidden(carried[0]!, transpose(weights.weightHh), weights.biasHh), carried);
}

/**
 * All steps of a sequence x [T, B, in], from the last to the first when `reverse`. The inputs of all steps are projected by one
 * product. Gives the hidden states in the order of x, each [B, H], and what is carried at the end.
 */
export function runSequence(
  step: Step,
  x: Tensor,
  start: Carried,
  weights: RecurrentWeights,
  reverse: boolean,
): { hidden: Tensor[]; end: Carried } {
  const inputs = linear(x, weights.weightIh, weights.biasIh); // [T, B, gates * H]
  const recurrent = transpose(weights.weightHh);
  const steps = x.shape[0]!;
  const hidden = new Array<Tensor>(steps);
  let carried = start;
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    carried = step(slice(inputs, t), projectHidden(carried[0]!, recurrent, weights.biasHh), carried);
    hidden[t] = carried[0]!;
  }
  return { hidden, end: carried };
}
