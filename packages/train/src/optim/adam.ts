import type { Tensor } from "@fai/tensor";
import { checkAtLeastZero, checkBetas } from "./checkOptions.js";
import { lack, quotient, root } from "./elapsed.js";
import { Optimizer, type OptimizerFactory, type OptimizerOptions, type Stepper } from "./optimizer.js";
import type { StepMemory } from "./stepMemory.js";
import { decayWeights, type WeightDecayOptions } from "./weightDecay.js";

/** Options of `adam` and `adamW`, with every value filled in. */
export interface AdamOptions extends OptimizerOptions, WeightDecayOptions {
  /** What the averages of the gradient and of its square keep from step to step ([0.9, 0.999]). */
  betas: readonly [number, number];
  /** Added to the root of the average square, after its correction (1e-8). */
  epsilon: number;
}

/** Updates the running averages of the gradient and of its square, and returns both. */
export function averageGradient(
  gradient: Tensor,
  [beta1, beta2]: readonly [number, number],
  memory: StepMemory,
): { average: Tensor; square: Tensor } {
  const [averageCell, squareCell] = [memory.cell("average"), memory.cell("square")];
  const average = averageCell.value.lerp(gradient, 1 - beta1);
  const square = squareCell.value.mul(beta2).add(gradient.mul(1 - beta2).mul(gradient));
  averageCell.set(average);
  squareCell.set(square);
  return { average, square };
}

/** One step along average / sqrt(average square), both corrected for their start at zero (Kingma and Ba, 2015, algorithm 1). */
const descendAdam: Stepper<AdamOptions> = ({ value, gradient }, { lr, betas, epsilon }, memory) => {
  const { average, square } = averageGradient(gradient, betas, memory);
  const size = quotient(-lr, lack(betas[0], memory.elapsed));
  const correction = root(lack(betas[1], memory.elapsed));
  const spread = square.sqrt().div(correction).add(epsilon);
  return { value: value.add(average.mul(size).div(spread)), gradient };
};

/** Adam, number for number as PyTorch's, weight decay included (it is added to the gradient). Throws on options that make no sense. */
export function adam(options: Partial<AdamOptions> = {}): OptimizerFactory<AdamOptions> {
  return makeAdam("adam", { lr: 1e-3, weightDecay: 0, decoupled: false, ...options });
}

/** Adam with decoupled weight decay of 0.01, number for number as PyTorch's AdamW (Loshchilov and Hutter, 2019). */
export function adamW(options: Partial<AdamOptions> = {}): OptimizerFactory<AdamOptions> {
  return makeAdam("adamW", { lr: 1e-3, weightDecay: 0.01, decoupled: true, ...options });
}

type Needed = "lr" | "weightDecay" | "decoupled";

function makeAdam(
  name: string,
  given: Partial<AdamOptions> & Pick<AdamOptions, Needed>,
): OptimizerFactory<AdamOptions> {
  const options: AdamOptions = { betas: [0.9, 0.999], epsilon: 1e-8, decayNormsAndBiases: true, ...given };
  const { lr, epsilon, weightDecay, betas } = options;
  checkAtLeastZero(name, { lr, epsilon, weightDecay });
  checkBetas(name, betas);
  return (parameters) => new Optimizer<AdamOptions>(parameters, [decayWeights, descendAdam], options);
}
