import type { Callback } from "../callback.js";
import { Monitor, type MonitorOptions } from "../monitor.js";

/**
 * Saves the weights under `name` whenever an epoch is the best so far: by `monitor`, or, as 0.7's best_save_name, by the accuracy
 * where there is one (the loss decides between equals), else by the validation loss.
 */
export function saveBest(name: string, options: MonitorOptions = {}): Callback {
  let monitor: Monitor | undefined;
  let bestLoss = Number.POSITIVE_INFINITY;
  return {
    name: `saveBest ${name}`,
    order: 60,
    beforeFit: () => {
      monitor = undefined;
      bestLoss = Number.POSITIVE_INFINITY;
    },
    afterEpoch: async (run) => {
      const row = run.history.rows[run.epoch];
      if (!row) return; // cancelled before its end
      const watched = options.monitor ?? ("accuracy" in row.metrics ? "accuracy" : "validLoss");
      monitor ??= new Monitor({ ...options, monitor: watched });
      const { best } = monitor;
      const isTie = options.monitor === undefined && row.metrics[watched] === best && row.validLoss < bestLoss;
      if (!monitor.isBest(row) && !isTie) return;
      bestLoss = row.validLoss;
      await run.learner.save(name);
    },
    state: () => ({ monitor: monitor?.state, bestLoss: Number.isFinite(bestLoss) ? bestLoss : null }),
    loadState: (state: { monitor?: Monitor["state"]; bestLoss: number | null }) => {
      bestLoss = state.bestLoss ?? Number.POSITIVE_INFINITY;
      if (!state.monitor) return;
      monitor ??= new Monitor(options);
      monitor.state = state.monitor;
    },
  };
}
