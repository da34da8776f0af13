import type { Tensor } from "@fai/tensor";
import { type AdamOptions, averageGradient } from "./adam.js";
import { checkAtLeastZero, checkBetas } from "./checkOptions.js";
import { lack, quotient, root } from "./elapsed.js";
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

/** The same of a number of steps that only the device knows; any number where it cannot be trusted yet. */
function rectificationOf(beta2: number, steps: Tensor): { trust: Tensor; trusted: Tensor } {
  const longest = 2 / (1 - beta2) - 1;
  // step * beta2^step / (1 - beta2^step), without cancellation
  const length = steps
    .div(steps.mul(-Math.log(beta2)).expm1())
    .mul(-2)
    .add(longest);
  const kept = length.sub(4).mul(length.sub(2)).div(length);
  const share = longest / ((longest - 4) * (longest - 2));
  return { trust: kept.mul(share).abs().sqrt(), trusted: length.gt(5) };
}

const descendRectified: Stepper<AdamOptions> = ({ value, gradient }, { lr, betas, epsilon }, memory) => {
  const { average, square } = averageGradient(gradient, betas, memory);
  const { elapsed } = memory;
  const size = quotient(lr, lack(betas[0], elapsed));
  const correction = root(lack(betas[1], elapsed));
  const plain = average.mul(size);
  const spread = square.sqrt().add(epsilon);
  if (typeof elapsed !== "number") {
    const { trust, trusted } = rectificationOf(betas[1], elapsed);
    const rectified = plain.mul(trust.mul(correction)).div(spread);
    return { value: value.sub(rectified.where(trusted, plain)), gradient };
  }
  const trust = rectification(betas[1], elapsed);
  if (trust === undefined) return { value: value.sub(plain), gradient };
  const numbers = (size as number) * trust * (correction as number);
  return { value: value.sub(average.mul(numbers).div(spread)), gradient };
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
