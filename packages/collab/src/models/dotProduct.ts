import { type Tensor, TensorError } from "@fai/tensor";
import { Module } from "@fai/tensor/nn";

/** Row by row, the dot product of two tables of vectors: {a [N, K], b [N, K]} -> [N]. It has nothing to learn. */
export class DotProduct extends Module<{ a: Tensor; b: Tensor }, Tensor> {
  forward({ a, b }: { a: Tensor; b: Tensor }): Tensor {
    if (a.rank !== 2 || b.rank !== 2 || a.shape.some((d, i) => d !== b.shape[i])) {
      throw new TensorError(
        "DotProduct",
        `the shapes are [${a.shape.join(", ")}] and [${b.shape.join(", ")}], expected two of [N, K].`,
      );
    }
    return a.mul(b).sum(1);
  }
}
