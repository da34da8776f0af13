import { type AdamOptions, averageGradient } from "./adam.js";
import { checkAtLeastZero, checkBetas } from "./checkOptions.js";
import { Optimizer, type OptimizerFactory, type Stepper } from "./optimizer.js";
import { decayWeights } from "./weightDecay.js";

/** How far the average square can be trusted after `step` steps; undefined: not at all yet (Liu et al., 2020, equation 7). */
function rectification(beta2: number, step: number): number | undefined {
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * step * beta2 ** step) / (1 - beta2 ** step);
  if (length <= 5) return undefined;
  const kept = ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length);
  return Math.sqrt(kept);
}

const descendRectified: Stepper<AdamOptions> = ({ value, gradient }, { lr, betas, epsilon }, memory) => {
  const { average, square } = averageGradient(gradient, betas, memory);
  const size = lr / (1 - betas[0] ** memory.step);
  const trust = rectification(betas[1], memory.step);
  if (trust === undefined) return { value: value.sub(average.mul(size)), gradient };
  const correction = Math.sqrt(1 - betas[1] ** memory.step);
  const spread = square.sqrt().add(epsilon);
  return { value: value.sub(average.mul(size * trust * correction).div(spread)), gradient };
};

/** Adam that warms itself up (Liu et al., 2020), number for number as PyTorch's RAdam. Throws on options that make no sense. */
export function radam(given: Partial<AdamOptions> = {}): OptimizerFactory<AdamOptions> {
  const defaults: AdamOptions = {
    lr: 1e-3,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weightDecay: 0,
    decoupled: false,
    decayNormsAndBiases: true,
  };
  const options = { ...defaults, ...given };
  const { lr, epsilon, weightDecay, betas } = options;
  checkAtLeastZero("radam", { lr, epsilon, weightDecay });
  checkBetas("radam", betas);
  return (parameters) => new Optimizer<AdamOptions>(parameters, [decayWeights, descendRectified], options);
}
