import { type Callback, Cancel } from "../callback.js";
import { Monitor, type MonitorOptions } from "../monitor.js";

/** Options of `earlyStopping`. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without a new best that end the run (1). */
  patience?: number;
}

/** Ends the run when it has not been at its best for some epochs. */
export function earlyStopping({ patience = 1, ...options }: EarlyStoppingOptions = {}): Callback {
  let monitor = new Monitor(options);
  return {
    order: 200, // after the table's row is written
    name: "earlyStopping",
    beforeFit: () => {
      monitor = new Monitor(options);
    },
    afterEpoch: (run) => {
      const row = run.history.rows[run.epoch];
      if (!row || monitor.isBest(row) || monitor.waited < patience) return;
      throw new Cancel("fit", `no better ${options.monitor ?? "validLoss"} for ${monitor.waited} epochs`);
    },
    state: () => monitor.state,
    loadState: (state: Monitor["state"]) => {
      monitor.state = state;
    },
  };
}
