import { TensorError } from "@fai/tensor";
import { checkAtLeastZero } from "./checkOptions.js";
import { firstElse } from "./elapsed.js";
import { Optimizer, type OptimizerFactory, type OptimizerOptions, type Stepper } from "./optimizer.js";
import { decayWeights, type WeightDecayOptions } from "./weightDecay.js";

/** Options of `sgd`, with every value filled in. */
export interface SgdOptions extends OptimizerOptions, WeightDecayOptions {
  /** Share of the last direction that is kept (0). */
  momentum: number;
  /** Share of the gradient that momentum leaves out, from the second step on (0). */
  dampening: number;
  /** Whether to look ahead along the momentum (false) (Nesterov, 1983, as in Sutskever et al., 2013). */
  nesterov: boolean;
}

/** direction = momentum * direction + (1 - dampening) * gradient; the first direction is the gradient, as in PyTorch. */
const followMomentum: Stepper<SgdOptions> = ({ value, gradient }, { momentum, dampening, nesterov }, memory) => {
  if (momentum === 0) return { value, gradient };
  const cell = memory.cell("momentum");
  const fresh = firstElse(memory.elapsed, 1, 1 - dampening);
  const direction = cell.value.mul(momentum).add(gradient.mul(fresh));
  cell.set(direction);
  return { value, gradient: nesterov ? gradient.add(direction.mul(momentum)) : direction };
};

/** value - lr * gradient. */
export const descend: Stepper<OptimizerOptions> = ({ value, gradient }, { lr }) => ({
  value: value.add(gradient.mul(-lr)),
  gradient,
});

/** Stochastic gradient descent with momentum, number for number as PyTorch's SGD. Throws on options that make no sense. */
export function sgd(given: Partial<SgdOptions> = {}): OptimizerFactory<SgdOptions> {
  const defaults: SgdOptions = {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    decoupled: false,
    decayNormsAndBiases: true,
  };
  const options = { ...defaults, ...given };
  const { lr, momentum, dampening, nesterov, weightDecay } = options;
  checkAtLeastZero("sgd", { lr, momentum, weightDecay });
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new TensorError(
      "sgd",
      `nesterov looks ahead along the momentum: it needs a momentum above 0 and no dampening, got ${momentum} and ${dampening}.`,
    );
  }
  return (parameters) => new Optimizer<SgdOptions>(parameters, [decayWeights, followMomentum, descend], options);
}
