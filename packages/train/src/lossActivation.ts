import { sigmoid, softmax, type Tensor } from "@fai/tensor";
import { bceWithLogits, crossEntropy } from "@fai/tensor/nn";

/** What turns a model's outputs into predictions, by the loss it was trained with: probabilities for losses on logits. */
export function activationOf(loss: unknown): (output: unknown) => Tensor {
  if (loss === crossEntropy) return (output) => softmax(output as Tensor, -1);
  if (loss === bceWithLogits) return (output) => sigmoid(output as Tensor);
  return (output) => output as Tensor;
}
