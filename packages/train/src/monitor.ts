import { TensorError } from "@fai/tensor";
import type { EpochRow } from "./run.js";

/** What a callback watches from epoch to epoch. */
export interface MonitorOptions {
  /** `validLoss`, `trainLoss`, or the name of a metric (`validLoss`). */
  monitor?: string;
  /** Whether lower or higher is better ("min" for losses, "max" for metrics). */
  mode?: "min" | "max";
  /** How much better a value has to be to count (0). */
  minDelta?: number;
}

/** Tells whether a run is at its best. */
export class Monitor {
  /** The best value so far; NaN before the first. */
  best = Number.NaN;
  /** Epochs since then. */
  waited = 0;
  private readonly options: MonitorOptions;

  constructor(options: MonitorOptions) {
    this.options = options;
  }

  /** Takes the row of an epoch in, and says whether it is the best so far. Throws when it has no such value. */
  isBest(row: EpochRow): boolean {
    const { monitor = "validLoss", minDelta = 0 } = this.options;
    const isLoss = monitor === "validLoss" || monitor === "trainLoss";
    const value = isLoss ? row[monitor] : row.metrics[monitor];
    if (value === undefined || (monitor === "validLoss" && Number.isNaN(value))) {
      const known = ["trainLoss", "validLoss", ...Object.keys(row.metrics)].join(", ");
      throw new TensorError(
        "monitor",
        `there is no ${monitor} to watch, only ${known}. Does the data have a validation set?`,
      );
    }
    const sign = (this.options.mode ?? (isLoss ? "min" : "max")) === "min" ? 1 : -1;
    const better = Number.isNaN(this.best) || sign * (this.best - value) > minDelta;
    this.waited = better ? 0 : this.waited + 1;
    if (better) this.best = value;
    return better;
  }

  /** What it remembers, for checkpoints. */
  get state(): { best: number | null; waited: number } {
    return { best: Number.isNaN(this.best) ? null : this.best, waited: this.waited };
  }
  set state({ best, waited }: { best: number | null; waited: number }) {
    this.best = best ?? Number.NaN;
    this.waited = waited;
  }
}
