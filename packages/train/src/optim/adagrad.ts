import { checkAtLeastZero } from "./checkOptions.js";
import { firstElse, quotient } from "./elapsed.js";
import { Optimizer, type OptimizerFactory, type OptimizerOptions, type Stepper } from "./optimizer.js";
import { decayWeights, type WeightDecayOptions } from "./weightDecay.js";

/** Options of `adagrad`, with every value filled in. */
export interface AdagradOptions extends OptimizerOptions, WeightDecayOptions {
  /** The rate of step n is lr / (1 + (n - 1) * lrDecay) (0). */
  lrDecay: number;
  /** What the sum of squares starts from (0). */
  initialSum: number;
  /** Added to the root of the sum (1e-10). */
  epsilon: number;
}

/** The gradient divided by the root of the sum of all its squares (Duchi et al., 2011). */
const descendAdagrad: Stepper<AdagradOptions> = ({ value, gradient }, { lr, lrDecay, initialSum, epsilon }, memory) => {
  const cell = memory.cell("sum");
  // The cell starts at zero, so the first sum begins with the initial one.
  const before = firstElse(memory.elapsed, initialSum, 0);
  const sum = cell.value.add(before).add(gradient.mul(gradient));
  cell.set(sum);
  const { elapsed } = memory;
  const slower = typeof elapsed === "number" ? 1 + (elapsed - 1) * lrDecay : elapsed.sub(1).mul(lrDecay).add(1);
  const size = quotient(lr, slower);
  return { value: value.sub(gradient.mul(size).div(sum.sqrt().add(epsilon))), gradient };
};

/** Adagrad, number for number as PyTorch's. Throws on options that make no sense. */
export function adagrad(given: Partial<AdagradOptions> = {}): OptimizerFactory<AdagradOptions> {
  const defaults: AdagradOptions = {
    lr: 1e-2,
    lrDecay: 0,
    initialSum: 0,
    epsilon: 1e-10,
    weightDecay: 0,
    decoupled: false,
    decayNormsAndBiases: true,
  };
  const options = { ...defaults, ...given };
  const { lr, lrDecay, initialSum, epsilon, weightDecay } = options;
  checkAtLeastZero("adagrad", { lr, lrDecay, initialSum, epsilon, weightDecay });
  return (parameters) => new Optimizer<AdagradOptions>(parameters, [decayWeights, descendAdagrad], options);
}
