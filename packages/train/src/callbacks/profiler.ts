import type { Callback } from "../callback.js";

/** Milliseconds of training batches, by what they went to. */
export interface StepProfile {
  /** Waiting for the loader, and callbacks before the batch. */
  data: number;
  /** Building the graph of the model. */
  forward: number;
  /** Building that of the loss. */
  loss: number;
  /** Building that of the derivatives. */
  backward: number;
  /** Building that of the update. */
  optimizer: number;
  /** Planning, submitting, and waiting for the device. */
  device: number;
}

/** A callback that measures where the time of training steps goes. */
export interface Profiler extends Callback {
  /** Milliseconds so far, of all steps together. */
  readonly total: Readonly<StepProfile>;
  /** Steps measured. */
  readonly steps: number;
  /** The mean step as a table. */
  report(): string;
}

/** Measures where the time of training steps goes: the loader, building graphs, or the device. */
export function profiler(): Profiler {
  const total: StepProfile = { data: 0, forward: 0, loss: 0, backward: 0, optimizer: 0, device: 0 };
  let steps = 0;
  let last = performance.now();
  const mark = (part: keyof StepProfile | undefined) => {
    const now = performance.now();
    if (part) total[part] += now - last;
    last = now;
  };
  return {
    order: 1e6, // what other callbacks do counts to the part before
    total,
    get steps() {
      return steps;
    },
    beforeTrain: () => mark(undefined),
    beforeBatch: (run) => mark(run.training ? "data" : undefined),
    afterPredict: (run) => mark(run.training ? "forward" : undefined),
    afterLoss: (run) => mark(run.training ? "loss" : undefined),
    afterBackward: () => mark("backward"),
    afterStep: () => mark("optimizer"),
    afterBatch: (run) => {
      mark(run.training ? "device" : undefined);
      if (run.training) steps++;
    },
    report() {
      const sum = Object.values(total).reduce((a, b) => a + b, 0);
      const lines = Object.entries(total).map(
        ([name, ms]) =>
          `${name.padEnd(10)}${(ms / Math.max(1, steps)).toFixed(3).padStart(9)} ms${((100 * ms) / (sum || 1)).toFixed(1).padStart(7)} %`,
      );
      return [
        `mean of ${steps} training steps`,
        ...lines,
        `${"all".padEnd(10)}${(sum / Math.max(1, steps)).toFixed(3).padStart(9)} ms`,
      ].join("\n");
    },
  };
}
