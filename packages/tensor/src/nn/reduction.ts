import { TensorError } from "../errors.js";
import { real, type TensorLike, toTensor } from "../ops/convert.js";
import { full } from "../ops/generate.js";
import { sum } from "../ops/reduce.js";
import { mean } from "../ops/statistics.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** What a loss gives: the mean of all elements (the default), their sum, or each one. */
export type Reduction = "mean" | "sum" | "none";

/** Options of losses. */
export interface LossOptions {
  /** "mean" */
  reduction?: Reduction;
}

/** `losses` reduced; throws, naming `op`, on an unknown reduction. */
export function reduceLosses(op: string, losses: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case "mean":
      return mean(losses);
    case "sum":
      return sum(losses);
    case "none":
      return losses;
    default:
      throw new TensorError(op, `reduction is ${JSON.stringify(reduction)}, expected "mean", "sum" or "none".`);
  }
}

/**
 * A prediction and a target of one shape, as f32; a plain number stands for a target filled with it. Other shapes are an error
 * even where they broadcast: [n, 1] against [n] would compare every prediction with every target.
 */
export function paired(op: string, prediction: TensorLike, target: TensorLike): [Tensor, Tensor] {
  const x = real(op, prediction);
  if (typeof target === "number") return [x, full(x.shape, target)];
  const y = real(op, toTensor(op, target));
  if (sameShape(x.shape, y.shape)) return [x, y];
  throw new TensorError(
    op,
    `the prediction has shape ${formatShape(x.shape)}, the target ${formatShape(y.shape)}: they must be equal.${fix(x, y)}`,
  );
}

/** How to make the shapes of x and y equal, when one has an axis of size 1 more. */
function fix(x: Tensor, y: Tensor): string {
  const extra = (long: Tensor, short: Tensor) =>
    long.rank === short.rank + 1
      ? long.shape.findIndex((d, i) => d === 1 && sameShape(long.shape.toSpliced(i, 1), short.shape))
      : -1;
  const lastOr = (long: Tensor, axis: number) => (axis === long.rank - 1 || long.shape.at(-1) === 1 ? -1 : axis);
  const inPrediction = extra(x, y);
  if (inPrediction >= 0) {
    const axis = lastOr(x, inPrediction);
    return ` Use prediction.squeeze(${axis}) or target.unsqueeze(${axis})?`;
  }
  const inTarget = extra(y, x);
  if (inTarget >= 0) {
    const axis = lastOr(y, inTarget);
    return ` Use target.squeeze(${axis}) or prediction.unsqueeze(${axis})?`;
  }
  return x.size === y.size ? ` Use target.reshape(${x.shape.join(", ")})?` : " Expand one of them, if that is meant?";
}
