import type { Callback } from "../callback.js";
import { Monitor, type MonitorOptions } from "../monitor.js";

/** Options of `reduceOnPlateau`. */
export interface ReduceOnPlateauOptions extends MonitorOptions {
  /** Epochs without a new best that lower the rate (1). */
  patience?: number;
  /** The rate is divided by it (10). */
  factor?: number;
  /** The rate is not lowered below this (0). */
  minLr?: number;
}

/** Lowers the learning rate, of all groups, when the run has not been at its best for some epochs. */
export function reduceOnPlateau(given: ReduceOnPlateauOptions = {}): Callback {
  const { patience = 1, factor = 10, minLr = 0, ...options } = given;
  let monitor = new Monitor(options);
  let scale = 1;
  return {
    order: -5, // after the schedule
    name: "reduceOnPlateau",
    beforeFit: () => {
      monitor = new Monitor(options);
      scale = 1;
    },
    beforeBatch: (run) => {
      if (run.training && scale < 1) run.lr = Math.max(Math.min(minLr, run.lr), run.lr * scale);
    },
    afterEpoch: (run) => {
      const row = run.history.rows[run.epoch];
      if (!row || monitor.isBest(row) || monitor.waited < patience) return;
      scale /= factor;
      monitor.waited = 0;
    },
    state: () => ({ monitor: monitor.state, scale }),
    loadState: (state: { monitor: Monitor["state"]; scale: number }) => {
      monitor.state = state.monitor;
      scale = state.scale;
    },
  };
}
