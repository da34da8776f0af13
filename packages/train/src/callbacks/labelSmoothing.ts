import { type Tensor, TensorError } from "@fai/tensor";
import { crossEntropy, type LossOptions } from "@fai/tensor/nn";
import type { Callback } from "../callback.js";

/**
 * Trains on targets of which a share is spread evenly over all classes (0.1) (Szegedy et al., 2015): the loss is (1 - share) *
 * crossEntropy + share * the mean of -log p. Validation stays on the plain loss. Throws for another loss than crossEntropy.
 */
export function labelSmoothing(share = 0.1): Callback {
  if (!(share >= 0 && share < 1)) throw new TensorError("labelSmoothing", `share is ${share}, expected 0 to below 1.`);
  return {
    order: -60, // before mixup, which takes the loss that it finds
    inLrFind: true,
    beforeFit: (run) => {
      if (run.lossFunction !== (crossEntropy as unknown)) {
        throw new TensorError("labelSmoothing", "the learner's loss is not crossEntropy, whose targets it smooths.");
      }
      run.lossFunction = (output: Tensor, target: Tensor, options?: LossOptions) =>
        crossEntropy(output, target, { ...options, labelSmoothing: share });
    },
  };
}
