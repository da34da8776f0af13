import { stack, type Tensor, TensorError } from "@fai/tensor";
import type { SetMetric } from "../metrics.js";
import { rowsOf } from "./classification.js";

/** Outputs and targets of a set, as [2, N] a batch. Throws when their shapes differ: broadcasting would compare all with all. */
function both(op: string, output: Tensor, target: Tensor): Tensor {
  if (output.shape.join() !== target.shape.join()) {
    throw new TensorError(
      op,
      `outputs [${output.shape.join(", ")}] with targets [${target.shape.join(", ")}]: expected equal shapes. Squeeze one?`,
    );
  }
  return stack([output.reshape(-1), target.cast("f32").reshape(-1)]);
}

/** A metric that is made of the mean of an error over all elements of the set. */
function ofMean(
  op: string,
  error: (output: number, target: number) => number,
  finish: (mean: number) => number,
): SetMetric<Tensor, Tensor> {
  return {
    collect: (output, target) => both(op, output, target),
    finish: (parts) => {
      let [sum, count] = [0, 0];
      for (const part of parts) {
        for (const [output, target] of rowsOf(part)) sum += error(output, target);
        count += part.length / 2;
      }
      return finish(sum / count);
    },
  };
}

const same = (mean: number) => mean;

/** The mean squared error over all elements of the set. */
export const meanSquaredError = ofMean("meanSquaredError", (o, t) => (o - t) ** 2, same);

/** The root of the mean squared error over the whole set (a mean of batches' roots would be another number). */
export const rmse = ofMean("rmse", (o, t) => (o - t) ** 2, Math.sqrt);

/** The mean absolute error over all elements of the set. */
export const mae = ofMean("mae", (o, t) => Math.abs(o - t), same);

/** The root of the mean squared relative error of numbers whose logs are given, over the whole set (0.7's exp_rmspe). */
export const expRmspe = ofMean("expRmspe", (o, t) => (1 - Math.exp(o - t)) ** 2, Math.sqrt);

/** Share of the targets' variance that is explained, over the whole set; 0 for predicting their mean. */
export const r2: SetMetric<Tensor, Tensor> = {
  collect: (output, target) => both("r2", output, target),
  finish: (parts) => {
    const rows = parts.flatMap(rowsOf);
    const mean = rows.reduce((sum, [, target]) => sum + target, 0) / rows.length;
    const left = rows.reduce((sum, [output, target]) => sum + (output - target) ** 2, 0);
    return 1 - left / rows.reduce((sum, [, target]) => sum + (target - mean) ** 2, 0);
  },
};
