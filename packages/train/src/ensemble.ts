import { TensorError } from "@fai/tensor";
import type { Predictions } from "./predictions.js";

/** The mean of the predictions that several models make of the same rows. Throws when they are not of equal shape. */
export function averagePredictions<Y>(members: readonly Predictions<Y>[]): Predictions<Y> {
  const [first] = members;
  if (!first) throw new TensorError("ensemble", "there are no members. Name the weights of at least one.");
  const values = new Float32Array(first.values.length);
  for (const { values: own, shape } of members) {
    if (shape.join() !== first.shape.join()) {
      throw new TensorError(
        "ensemble",
        `predictions [${first.shape.join(", ")}] and [${shape.join(", ")}]: the members predict other rows.`,
      );
    }
    own.forEach((value, i) => {
      values[i]! += value / members.length;
    });
  }
  return { ...first, values };
}
