import { autocast, checkFinite, leaf, State, Tensor, TensorError, where } from "@fai/tensor";
import type { Callback } from "../callback.js";

/** Options of `mixedPrecision`. */
export interface MixedPrecisionOptions {
  /** What the loss is multiplied by before its derivatives are taken: in the first step (2^24), or in all of them without `dynamic` (1). */
  lossScale?: number;
  /** Whether the scale follows the gradients (true). A fixed one ends the run with an error when they are not finite. */
  dynamic?: boolean;
  /** By how much the scale falls after a step whose gradients are not finite, and grows after `wait` steps without one (2). */
  factor?: number;
  /** How many steps in a row are to be finite before the scale grows (500). */
  wait?: number;
}

/** The callback, and what it has done. */
export interface MixedPrecision extends Callback {
  /** The loss scale, and how many steps of the fit were skipped because their gradients were not finite; read from the device. */
  status(): Promise<{ lossScale: number; skipped: number }>;
}

/** No gradients that are worth following need a scale below this. */
const smallestScale = 2 ** -14;
const largestScale = 2 ** 126;

/**
 * Trains with halves where that is enough (Micikevicius et al., 2018): the model runs under `autocast`, parameters and their updates
 * stay f32, and the loss is scaled so that small gradients do not vanish. A step whose gradients are not finite changes neither
 * parameters nor the optimizer, and the scale falls; the device decides this, and nobody waits for it. Losses are reported unscaled.
 * Worth it on GPUs, for the memory and its bandwidth; on a CPU it gives the same numbers, slower. The defaults are those of
 * fastai v2 (`to_non_native_fp16`), the rules those of PyTorch's GradScaler.
 */
export function mixedPrecision(options: MixedPrecisionOptions = {}): MixedPrecision {
  const { dynamic = true, factor = 2, wait = 500 } = options;
  const { lossScale = dynamic ? 2 ** 24 : 1 } = options;
  if (!(lossScale >= smallestScale && lossScale <= largestScale))
    throw new TensorError("mixedPrecision", `lossScale is ${lossScale}, expected a number from 2^-14 to 2^126.`);
  if (!(factor > 1 && factor < Number.POSITIVE_INFINITY))
    throw new TensorError("mixedPrecision", `factor is ${factor}, expected a number above 1.`);
  if (!(Number.isInteger(wait) && wait >= 1))
    throw new TensorError("mixedPrecision", `wait is ${wait}, expected a whole number of at least 1.`);
  const begin = () => ({
    scale: number(lossScale, "loss scale"),
    good: number(0, "finite steps since the loss scale changed"),
    skipped: number(0, "skipped steps"),
  });
  let cells = begin();
  return {
    order: -40, // after gradients are accumulated, before they are clipped
    name: "mixedPrecision",
    inLrFind: true,
    beforeFit: () => {
      cells = begin();
    },
    beforeBatch: (run) => {
      run.callModel = (model, x) => toFloats(autocast(() => model.call(x)));
      if (run.training) run.lossScale = cells.scale.value;
    },
    afterBackward: (run) => {
      if (!run.willStep || run.gradients.length === 0) return;
      const sizes = run.gradients.map((gradient) => gradient.abs().amax());
      const largest = sizes.reduce((a, b) => a.maximum(b));
      const isFinite = (dynamic ? largest : checkFinite(largest, `a gradient at the loss scale ${lossScale}`)).lt(
        Number.POSITIVE_INFINITY,
      );
      // Others that see the gradients of a step that is skipped see zeros.
      const inverse = cells.scale.value.recip();
      run.gradients = run.gradients.map((gradient) => where(isFinite, gradient.mul(inverse), 0));
      if (!dynamic) return;
      run.stepWhen = isFinite;
    },
    // With the step, in one submission: whoever reads gradients before it finds the scale that they have.
    afterStep: (run) => {
      const isFinite = run.stepWhen;
      if (!isFinite) return;
      const { scale, good, skipped } = cells;
      const count = good.value.add(1);
      const grows = count.ge(wait);
      const grown = where(grows, scale.value.mul(factor).minimum(largestScale), scale.value);
      const fallen = scale.value.mul(1 / factor);
      const next = where(isFinite, grown, where(fallen.lt(smallestScale), Number.NaN, fallen));
      scale.set(checkFinite(next, "a gradient, at any loss scale,"));
      good.set(where(isFinite, where(grows, 0, count), 0));
      skipped.set(skipped.value.add(where(isFinite, 0, 1)));
    },
    cells: () => cells,
    status: async () => {
      const { scale, skipped } = cells;
      const [found, count] = await Promise.all([scale.committed.item(), skipped.committed.item()]);
      return { lossScale: found, skipped: count };
    },
  };
}

function number(value: number, name: string): State {
  return new State(leaf(Float32Array.of(value), [], "f32"), name);
}

/** What a model gives, its halves as f32, in lists and records too. */
function toFloats<O>(output: O): O {
  if (output instanceof Tensor) return (output.dtype === "f16" ? output.cast("f32") : output) as O;
  if (Array.isArray(output)) return output.map(toFloats) as O;
  if (output !== null && typeof output === "object" && Object.getPrototypeOf(output) === Object.prototype)
    return Object.fromEntries(Object.entries(output).map(([name, part]) => [name, toFloats(part)])) as O;
  return output;
}
