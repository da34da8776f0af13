import { TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";
import { clipGradNorm } from "../clipGradNorm.js";

/** Options of `clipGradients`: one of them. */
export interface ClipGradientsOptions {
  /** The longest that all gradients together, as one vector, may be. */
  norm?: number;
  /** The largest that any element may be, in size. */
  value?: number;
}

/** Keeps gradients from exploding: scaled down together to a norm, or cut off element by element (0.7's learner.clip is the norm). */
export function clipGradients({ norm, value }: ClipGradientsOptions): Callback {
  if ((norm === undefined) === (value === undefined)) {
    throw new TensorError("clipGradients", "give a norm or a value: { norm: 0.3 }.");
  }
  for (const [name, limit] of Object.entries({ norm, value })) {
    if (limit !== undefined && !(limit > 0)) {
      throw new TensorError("clipGradients", `${name} is ${limit}, expected a number above 0.`);
    }
  }
  return {
    inLrFind: true,
    afterBackward: (run) => {
      if (!run.willStep) return;
      run.gradients =
        norm !== undefined
          ? clipGradNorm(run.gradients, norm).gradients
          : run.gradients.map((gradient) => gradient.clamp({ min: -value!, max: value! }));
    },
  };
}
