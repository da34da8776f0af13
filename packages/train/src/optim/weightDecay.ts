import type { Stepper } from "./optimizer.js";

/** Options of steppers that decay weights. */
export interface WeightDecayOptions {
  /** Share of the weights added to the gradient (0): L2 regularization, as PyTorch's SGD and Adam have it. */
  weightDecay: number;
}

/** Adds the gradient of weightDecay / 2 * |value|^2. */
export const decayWeights: Stepper<WeightDecayOptions> = ({ value, gradient }, { weightDecay }) => ({
  value,
  gradient: weightDecay === 0 ? gradient : gradient.add(value.mul(weightDecay)),
});
