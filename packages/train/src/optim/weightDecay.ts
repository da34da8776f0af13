import { TensorError } from "@fai/tensor";
import { onePerGroup } from "../groups.js";
import type { Optimizer, OptimizerOptions, Stepper } from "./optimizer.js";

/** Options of steppers that decay weights. */
export interface WeightDecayOptions {
  /** How strongly weights are drawn to 0 (0). */
  weightDecay: number;
  /**
   * False (coupled): weightDecay times the weights is added to the gradient, as L2 regularization is in PyTorch's SGD and Adam.
   * True: the weights are multiplied by 1 - lr * weightDecay before the step (Loshchilov and Hutter, 2019), apart from momenta.
   */
  decoupled: boolean;
  /** Whether parameters of at most one axis decay too: biases, and the scales and shifts of norms (true). */
  decayNormsAndBiases: boolean;
}

/** The first stepper of every optimizer: weight decay of either kind. */
export const decayWeights: Stepper<WeightDecayOptions & OptimizerOptions> = (update, options, memory) => {
  const { lr, weightDecay, decoupled, decayNormsAndBiases } = options;
  if (weightDecay === 0 || (!decayNormsAndBiases && memory.parameter.shape.length <= 1)) return update;
  const { value, gradient } = update;
  if (decoupled) return { value: value.mul(1 - lr * weightDecay), gradient };
  return { value, gradient: gradient.add(value.mul(weightDecay)) };
};

/** Gives the groups of an optimizer their weight decay, one or one a group; undefined leaves it as it is. */
export function setWeightDecay(optimizer: Optimizer, wd: number | readonly number[] | undefined): void {
  if (wd === undefined) return;
  onePerGroup("fit", "weight decays", wd, optimizer.groups.length).forEach((weightDecay, i) => {
    const options = optimizer.groups[i]!.options as OptimizerOptions & { weightDecay?: number };
    if (!(weightDecay >= 0)) throw new TensorError("fit", `wd is ${weightDecay}, expected a number of at least 0.`);
    if (options.weightDecay === undefined)
      throw new TensorError("fit", "wd is given, and the optimizer has no weight decay.");
    options.weightDecay = weightDecay;
  });
}
