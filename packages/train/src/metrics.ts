import { type Tensor, TensorError } from "@fai/tensor";

/** A number that says how good the outputs of one batch are, as a tensor []. Validation averages it weighted by the batches' sizes. */
export type Metric<O, Y> = (output: O, target: Y) => Tensor;

/**
 * A number of a whole set that is no mean over its batches (F-beta, AUC): each batch gives some numbers, and the last step makes one
 * of all of them.
 */
export interface SetMetric<O, Y> {
  /** What a batch gives: of any shape, equal or not from batch to batch. */
  collect(output: O, target: Y): Tensor;
  /** The metric, from what the batches gave, in their order. */
  finish(parts: readonly Float32Array[]): number;
}

/** Either kind of metric. */
export type AnyMetric<O, Y> = Metric<O, Y> | SetMetric<O, Y>;

/** Share of outputs [..., classes] whose largest element is at the target's class; targets [...] are i32 or u8. */
export function accuracy(output: Tensor, target: Tensor): Tensor {
  const expected = output.shape.slice(0, -1);
  if (output.rank < 1 || target.rank !== expected.length || target.shape.some((d, i) => d !== expected[i])) {
    throw new TensorError(
      "accuracy",
      `outputs [${output.shape.join(", ")}] with targets [${target.shape.join(", ")}]: expected [..., classes] and [...].`,
    );
  }
  if (target.dtype === "f32")
    throw new TensorError(
      "accuracy",
      'targets have dtype f32, expected class indices. Convert them with target.cast("i32")?',
    );
  return output.argmax(-1).eq(target).mean();
}
