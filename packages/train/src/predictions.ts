import type { Tensor } from "@fai/tensor";
import { breathe } from "./breathe.js";
import type { BatchSource } from "./fit.js";
import { ReadLate } from "./readLate.js";

/** Predictions for all rows of a set, and what was true. */
export interface Predictions<Y> {
  /** Probabilities where the loss works on logits, [rows, ...]. */
  readonly values: Float32Array;
  readonly shape: readonly number[];
  readonly targets: Y[];
}

/** Predictions of `predict` for every batch, joined. */
export async function predictBatches<X, Y>(
  predict: (x: X) => Tensor,
  batches: BatchSource<X, Y>,
): Promise<Predictions<Y>> {
  const parts: Float32Array[] = [];
  const targets: Y[] = [];
  let row: readonly number[] = [];
  const reads = new ReadLate<Float32Array>((part) => parts.push(part));
  for await (const { x, y } of batches) {
    const values = predict(x);
    row = values.shape.slice(1);
    targets.push(y);
    await reads.push(values.data());
    await breathe();
  }
  await reads.finish();
  const values = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  const width = row.reduce((n, d) => n * d, 1);
  return { values, shape: [values.length / Math.max(1, width), ...row], targets };
}
