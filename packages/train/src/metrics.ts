import { type Tensor, TensorError } from "@fai/tensor";

/** A number that says how good the outputs of one batch are, as a tensor []. Validation averages it weighted by the batches' sizes. */
export type Metric<O, Y> = (output: O, target: Y) => Tensor;

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
