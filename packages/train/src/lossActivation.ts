import { exp, sigmoid, softmax, type Tensor } from "@fai/tensor";
import { bceWithLogits, crossEntropy, nll } from "@fai/tensor/nn";

const activations = ["softmax", "sigmoid", "exp", "none"] as const;

/** What makes predictions of a model's outputs. */
export type Activation = (typeof activations)[number];

/** Whether a text names an activation. */
export function isActivation(name: string | undefined): name is Activation {
  return (activations as readonly (string | undefined)[]).includes(name);
}

/** The activation that belongs to a loss: probabilities for losses on logits and on log-probabilities. */
export function activationName(loss: unknown): Activation {
  if (loss === crossEntropy) return "softmax";
  if (loss === bceWithLogits) return "sigmoid";
  return loss === nll ? "exp" : "none";
}

/** Predictions of outputs. */
export function activate(activation: Activation, output: unknown): Tensor {
  if (activation === "softmax") return softmax(output as Tensor, -1);
  if (activation === "sigmoid") return sigmoid(output as Tensor);
  return activation === "exp" ? exp(output as Tensor) : (output as Tensor);
}

/** What turns a model's outputs into predictions, by the loss it was trained with. */
export function activationOf(loss: unknown): (output: unknown) => Tensor {
  const name = activationName(loss);
  return (output) => activate(name, output);
}
