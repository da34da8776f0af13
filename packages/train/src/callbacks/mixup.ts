import { type Generator, hostGenerator, leaf, Tensor, TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";

/** A loss of the library's kind: with this option it gives the losses of the rows instead of their mean. */
type RowLoss = (output: Tensor, target: Tensor, options: { reduction: "none" }) => Tensor;

/**
 * Trains on mixtures of each row with another one of its batch (Zhang et al., 2018): lambda, drawn from Beta(alpha, alpha) for each
 * row and at least a half, is the row's own share of input and loss (fastai v2's definition). Bytes become f32. Throws for a loss of
 * one's own that does not take `{ reduction: "none" }` as its third argument.
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
      const { size } = run;
      const partners = leaf(generator.permutation(size), [size], "i32");
      const drawn = Float32Array.from({ length: size }, () => {
        const share = beta(generator, alpha);
        return Math.max(share, 1 - share);
      });
      const lambda = leaf(drawn, [size], "f32");
      const loss = plain as RowLoss;
      run.x = mapTensors(run.x, (t) => mix(t, partners, lambda));
      run.lossFunction = (output: Tensor, target: Tensor) => {
        const other = mapTensors(target, (t) => t.take(partners)) as Tensor;
        const [own, others] = [target, other].map((y) => rowLosses(loss(output, y, { reduction: "none" }), size));
        return others!.lerp(own!, lambda).mean();
      };
    },
    afterFit: (run) => {
      if (plain) run.lossFunction = plain;
    },
  };
}

function mix(t: Tensor, partners: Tensor, lambda: Tensor): Tensor {
  if (t.dtype === "i32") {
    throw new TensorError("mixup", "an input holds whole numbers (categories, tokens), which cannot be mixed.");
  }
  const own = t.cast("f32");
  return own.take(partners).lerp(own, lambda.reshape(-1, ...t.shape.slice(1).map(() => 1)));
}

/** The mean loss of each row, [rows]. */
function rowLosses(losses: Tensor, rows: number): Tensor {
  if (losses.shape[0] === rows) return losses.rank === 1 ? losses : losses.reshape(rows, -1).mean(1);
  throw new TensorError(
    "mixup",
    `the loss gives [${losses.shape.join(", ")}] for ${rows} rows. Let it take { reduction: "none" } as its third argument, as crossEntropy does.`,
  );
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
