import { type Generator, hostGenerator, leaf, Tensor, TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";

/**
 * Trains on mixtures of each row with another one of its batch (Zhang et al., 2018): lambda, drawn from Beta(alpha, alpha) for each
 * batch and at least a half, is the row's own share of input and loss. Bytes become f32.
 */
export function mixup(alpha = 0.4): Callback {
  if (!(alpha > 0)) throw new TensorError("mixup", `alpha is ${alpha}, expected a number above 0.`);
  let plain: ((output: Tensor, target: Tensor) => Tensor) | undefined;
  return {
    order: -40,
    inLrFind: true,
    beforeFit: (run) => {
      plain = run.lossFunction;
    },
    beforeBatch: (run) => {
      if (!run.training || !plain) return;
      const generator = hostGenerator();
      const drawn = beta(generator, alpha);
      const lambda = Math.max(drawn, 1 - drawn);
      const partners = leaf(generator.permutation(run.size), [run.size], "i32");
      const loss = plain;
      run.x = mapTensors(run.x, (t) => mix(t, partners, lambda));
      run.lossFunction = (output: Tensor, target: Tensor) => {
        const other = mapTensors(target, (t) => t.take(partners)) as Tensor;
        return loss(output, target)
          .mul(lambda)
          .add(loss(output, other).mul(1 - lambda));
      };
    },
    afterFit: (run) => {
      if (plain) run.lossFunction = plain;
    },
  };
}

function mix(t: Tensor, partners: Tensor, lambda: number): Tensor {
  if (t.dtype === "i32") {
    throw new TensorError("mixup", "an input holds whole numbers (categories, tokens), which cannot be mixed.");
  }
  const own = t.cast("f32");
  return own.mul(lambda).add(own.take(partners).mul(1 - lambda));
}

/** `value` with every tensor of it, it itself or the fields of a record, replaced. */
function mapTensors(value: unknown, change: (t: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return change(value);
  return Object.fromEntries(Object.entries(value as object).map(([name, t]) => [name, mapTensors(t, change)]));
}

/** A number from Beta(a, a): one of two gamma numbers by their sum. */
export function beta(generator: Generator, a: number): number {
  const [x, y] = [gamma(generator, a), gamma(generator, a)];
  return x + y > 0 ? x / (x + y) : 0.5;
}

/** A number from Gamma(a, 1) (Marsaglia and Tsang, 2000). */
function gamma(generator: Generator, a: number): number {
  if (a < 1) return gamma(generator, a + 1) * (1 - generator.uniform()) ** (1 / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = generator.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - generator.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
