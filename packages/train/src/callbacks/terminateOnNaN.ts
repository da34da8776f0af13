import { TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";
import type { Run } from "../run.js";

/** Options of `terminateOnNaN`. */
export interface TerminateOnNaNOptions {
  /** Takes the advice (the console). */
  onStop?: (advice: string) => void;
}

/**
 * Ends a run whose loss or gradients are no longer finite without an error, and says where it happened and what usually helps.
 * The batch in question changed no parameter, with this callback or without it.
 */
export function terminateOnNaN({ onStop = (advice) => console.warn(advice) }: TerminateOnNaNOptions = {}): Callback {
  return {
    afterFit: (run) => {
      const { failure } = run;
      if (!(failure instanceof TensorError && failure.op === "checkFinite")) return;
      run.failure = undefined;
      onStop(advise(run, failure.message));
    },
  };
}

function advise(run: Run, message: string): string {
  const { losses, lrs } = run.history;
  const step = losses.length;
  const lr = lrs[step] ?? run.lr;
  const what = /^\[checkFinite\] (.*?) is not finite/.exec(message)?.[1] ?? "a value";
  const where = `epoch ${Math.floor(step / run.batches) + 1}, batch ${(step % run.batches) + 1}`;
  const recent = losses.slice(-3).map((loss) => loss.toPrecision(3));
  const grew = losses.length >= 2 && losses.at(-1)! > 2 * Math.min(...losses);
  const first =
    step === 0 || !grew
      ? "look for NaN or infinite values in the data, and normalize the inputs"
      : `lower the rate (lrFind suggests one)`;
  const then = step === 0 || !grew ? "lower the rate" : "clip the gradients with clipGradients({ norm: 1 })";
  const history = recent.length > 0 ? ` after losses of ${recent.join(", ")}` : "";
  return `Stopped in ${where}: ${what} is not finite${history}, at a learning rate of ${lr.toPrecision(3)}. The weights are those of the step before. First ${first}; then ${then}.`;
}
