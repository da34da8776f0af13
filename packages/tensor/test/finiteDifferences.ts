import "../src/tensor.js";
import { gradients } from "../src/gradients.js";
import type { Node } from "../src/node.js";
import { add, mul } from "../src/ops/elementwise.js";
import { tensor } from "../src/ops/generate.js";
import { sum } from "../src/ops/reduce.js";
import { Generator } from "../src/random.js";
import { type Shape, sizeOf } from "../src/shape.js";
import type { Tensor } from "../src/tensor.js";
import { evaluate, evaluateAll, type Numbers } from "./reference.js";

/** A leaf of random numbers from `low` to `high`, the same for the same `seed`. */
export function randomLeaf(shape: Shape, { low = -1, high = 1, seed = 1 } = {}): Tensor {
  const generator = new Generator(seed, 7);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * generator.uniform());
  return tensor(data, { shape });
}

/** Where an analytic derivative and its finite difference differ most, relative to the largest derivative of that input (at least 1). */
export interface DerivativeError {
  order: number;
  input: number;
  error: number;
}

/**
 * Compares `gradients` with central differences in f64, for derivatives up to `order`: the outputs are weighted and summed
 * to a scalar whose gradients are compared, and these gradients are the outputs of the next order.
 */
export function derivativeErrors(
  build: (...x: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  order = 1,
): DerivativeError[] {
  const errors: DerivativeError[] = [];
  let outputs: readonly Tensor[] = [build(...inputs)];
  for (let k = 1; k <= order; k++) {
    const loss = weighted(outputs, k);
    const analytic = gradients(loss, inputs, { unused: "zeros" });
    const values = evaluateAll(analytic);
    inputs.forEach((x, i) => {
      const numeric = centralDifferences(loss, x.node);
      const scale = numeric.reduce((most, d) => Math.max(most, Math.abs(d)), 1);
      const error = numeric.reduce((most, d, e) => Math.max(most, Math.abs(d - values[i]!.data[e]!)), 0);
      errors.push({ order: k, input: i, error: error / scale });
    });
    outputs = analytic;
  }
  return errors;
}

function weighted(outputs: readonly Tensor[], seed: number): Tensor {
  return outputs
    .map((y, i) => sum(mul(y, randomLeaf(y.shape, { low: 0.5, high: 1.5, seed: 100 * seed + i }))))
    .reduce((a, b) => add(a, b));
}

function centralDifferences(loss: Tensor, leaf: Node): Float64Array {
  const step = 1e-5;
  const at = Float64Array.from(leaf.host[0]!);
  const lossAt = (e: number, value: number) => {
    const moved: Numbers = at.slice();
    moved[e] = value;
    return evaluate(loss, { override: new Map([[leaf, moved]]) }).data[0]!;
  };
  return at.map((x, e) => (lossAt(e, x + step) - lossAt(e, x - step)) / (2 * step));
}
