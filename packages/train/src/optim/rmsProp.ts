import { checkAtLeastZero, checkBetas } from "./checkOptions.js";
import { Optimizer, type OptimizerFactory, type OptimizerOptions, type Stepper } from "./optimizer.js";
import { decayWeights, type WeightDecayOptions } from "./weightDecay.js";

/** Options of `rmsProp`, with every value filled in. */
export interface RmsPropOptions extends OptimizerOptions, WeightDecayOptions {
  /** What the average of the gradient's square keeps from step to step (0.99). */
  alpha: number;
  /** Added to the root of the average square (1e-8). */
  epsilon: number;
  /** Share of the last direction that is kept (0). */
  momentum: number;
  /** Whether the squares are of the gradient's distance to its own average (false). */
  centered: boolean;
}

/** The gradient divided by the root of its average square (Tieleman and Hinton, 2012, lecture 6.5). */
const normalizeByRms: Stepper<RmsPropOptions> = (
  { value, gradient },
  { lr, alpha, epsilon, momentum, centered },
  memory,
) => {
  const squareCell = memory.cell("square");
  const square = squareCell.value.mul(alpha).add(gradient.mul(1 - alpha).mul(gradient));
  squareCell.set(square);
  let spread = square;
  if (centered) {
    const averageCell = memory.cell("average");
    const average = averageCell.value.lerp(gradient, 1 - alpha);
    averageCell.set(average);
    spread = square.sub(average.mul(average));
  }
  const direction = gradient.div(spread.sqrt().add(epsilon));
  if (momentum === 0) return { value: value.sub(direction.mul(lr)), gradient };
  const cell = memory.cell("momentum");
  const kept = cell.value.mul(momentum).add(direction);
  cell.set(kept);
  return { value: value.sub(kept.mul(lr)), gradient };
};

/** RMSProp, number for number as PyTorch's: epsilon is added after the root. Throws on options that make no sense. */
export function rmsProp(given: Partial<RmsPropOptions> = {}): OptimizerFactory<RmsPropOptions> {
  const defaults: RmsPropOptions = {
    lr: 1e-2,
    alpha: 0.99,
    epsilon: 1e-8,
    momentum: 0,
    centered: false,
    weightDecay: 0,
    decoupled: false,
    decayNormsAndBiases: true,
  };
  const options = { ...defaults, ...given };
  const { lr, alpha, epsilon, momentum, weightDecay } = options;
  checkAtLeastZero("rmsProp", { lr, epsilon, momentum, weightDecay });
  checkBetas("rmsProp", [alpha]);
  return (parameters) => new Optimizer<RmsPropOptions>(parameters, [decayWeights, normalizeByRms], options);
}
