import { TensorError } from "@fai/tensor";
import { Optimizer, type OptimizerFactory, type OptimizerOptions, type Stepper } from "./optimizer.js";
import { decayWeights, type WeightDecayOptions } from "./weightDecay.js";

/** Options of `adam`, with every value filled in. */
export interface AdamOptions extends OptimizerOptions, WeightDecayOptions {
  /** What the averages of the gradient and of its square keep from step to step ([0.9, 0.999]). */
  betas: readonly [number, number];
  /** Added to the root of the average square, after its correction (1e-8). */
  epsilon: number;
}

/** One step along average / sqrt(average square), both corrected for their start at zero (Kingma and Ba, 2015, algorithm 1). */
const descendAdam: Stepper<AdamOptions> = ({ value, gradient }, { lr, betas: [beta1, beta2], epsilon }, memory) => {
  const [average, square] = [memory.cell("average"), memory.cell("square")];
  average.set(average.value.lerp(gradient, 1 - beta1));
  square.set(square.value.mul(beta2).add(gradient.mul(1 - beta2).mul(gradient)));
  const size = lr / (1 - beta1 ** memory.step);
  const correction = Math.sqrt(1 - beta2 ** memory.step);
  const spread = square.value.sqrt().div(correction).add(epsilon);
  return { value: value.add(average.value.mul(-size).div(spread)), gradient };
};

/** Adam, number for number as PyTorch's, weight decay included (it is added to the gradient). Throws on options that make no sense. */
export function adam({ lr, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0 }: OptimizerOptions & Partial<AdamOptions>): OptimizerFactory<AdamOptions> {
  for (const [name, value] of Object.entries({ lr, epsilon, weightDecay })) {
    if (!(value >= 0)) throw new TensorError("adam", `${name} is ${value}, expected a number of at least 0.`);
  }
  if (!betas.every((beta) => beta >= 0 && beta < 1)) throw new TensorError("adam", `betas are [${betas.join(", ")}], expected numbers from 0 to below 1.`);
  return (parameters) => new Optimizer<AdamOptions>(parameters, [decayWeights, descendAdam], { lr, betas, epsilon, weightDecay });
}
