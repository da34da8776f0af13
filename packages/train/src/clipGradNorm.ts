import { checkFinite, type Tensor, TensorError } from "@fai/tensor";

/** Gradients after clipping, and their norm before it. */
export interface ClippedGradients {
  gradients: Tensor[];
  /** [], the length of all gradients taken as one vector. */
  norm: Tensor;
}

/**
 * Gradients scaled down so that together, taken as one vector, they are no longer than `maxNorm`; shorter ones stay as they
 * are. The numbers are those of PyTorch's clip_grad_norm_. A norm that is NaN or infinite stops the step: nothing is updated.
 */
export function clipGradNorm(gradients: readonly Tensor[], maxNorm: number): ClippedGradients {
  if (!(maxNorm > 0)) throw new TensorError("clipGradNorm", `maxNorm is ${maxNorm}, expected a number above 0.`);
  if (gradients.length === 0)
    throw new TensorError("clipGradNorm", "there are no gradients to clip. Is every parameter frozen?");
  const squares = gradients.map((gradient) => gradient.square().sum());
  const norm = checkFinite(squares.reduce((total, square) => total.add(square)).sqrt(), "the norm of the gradients");
  const scale = norm.add(1e-6).recip().mul(maxNorm).minimum(1);
  return { gradients: gradients.map((gradient) => gradient.mul(scale)), norm };
}
