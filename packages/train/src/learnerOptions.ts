import type { Tensor } from "@fai/tensor";
import type { Callback } from "./callback.js";
import type { FitData } from "./fit.js";
import type { FitLength } from "./fitPlan.js";
import type { LayerGroups } from "./groups.js";
import type { AnyMetric } from "./metrics.js";
import type { Optimizer, OptimizerFactory } from "./optim/optimizer.js";
import type { Schedule } from "./schedules/schedule.js";

/** Options of a Learner. */
export interface LearnerOptions<X, Y, O> {
  /** The loss of a batch on the model's outputs (logits for classifiers), as a tensor []: `crossEntropy`. */
  loss: (output: O, target: Y) => Tensor;
  /** How parameters learn (`sgd({ momentum: 0.9 })`, as in the course); the rate comes from fit. */
  optimizer?: OptimizerFactory;
  /** What is measured on the validation set, by name: `{ accuracy }`. */
  metrics?: Readonly<Record<string, AnyMetric<O, Y>>>;
  /** Take part in every run. */
  callbacks?: readonly Callback<X, Y, O>[];
  /** Makes predictions of outputs; by default what belongs to the loss (softmax for crossEntropy, sigmoid for bceWithLogits). */
  activation?: (output: O) => Tensor;
  /** Layers in groups, for freezing and for rates of their own (the model's `layerGroups()`; a Sequential's children; one group). */
  groups?: LayerGroups;
  /** Weight decay, one or one a group (the optimizer's). */
  wd?: number | readonly number[];
  /** Where `save` and `load` keep files of a plain name ("models"). */
  modelsDir?: string;
  /** Where data code may keep what it computed ("tmp"); the folder of the data itself is never written to. */
  cacheDir?: string;
}

/** Options of `fit`. */
export interface LearnerFitOptions<X, Y, O> extends FitLength {
  /** Take part in this run only. */
  callbacks?: readonly Callback<X, Y, O>[];
  /** Measured in this run, in place of the learner's. */
  metrics?: Readonly<Record<string, AnyMetric<O, Y>>>;
  /** Weight decay in this run, one or one a group. */
  wd?: number | readonly number[];
  /** Saves weights at the end of each cycle as `<name>_cyc_<k>`, for `loadCycle` and `ensemble`. Needs cycleLength. */
  cycleSave?: string;
  /** Saves weights under this name whenever the run is at its best. */
  bestSave?: string;
  /** Whether the optimizer goes on with what it remembers (false: each fit starts it anew, as in 0.7). */
  keepOptimizer?: boolean;
}

/** Options of fits that bring their own schedule. */
export type ScheduledFitOptions<X, Y, O> = Omit<
  LearnerFitOptions<X, Y, O>,
  "schedule" | "cycles" | "cycleLength" | "cycleMult" | "cycleSave" | "circular" | "circularBeta"
>;

/** Options of `fineTune`. */
export interface FineTuneOptions<X, Y, O> extends Omit<ScheduledFitOptions<X, Y, O>, "epochs" | "keepOptimizer"> {
  /** The rate while all but the last group is frozen (2e-3); then half of it. */
  lr?: number;
  /** Epochs with all but the last group frozen (1). */
  freezeEpochs?: number;
  /** The first group's rate is that of the last divided by this (100). */
  lrMult?: number;
  /** Share of the second run in which the rate rises (0.3). */
  share?: number;
  /** The second run's rate starts at its peak / div (5). */
  div?: number;
}

/** What `startRun` needs beside the learner's own parts. */
export interface RunOptions<X, Y, O> {
  optimizer: Optimizer;
  epochs: number;
  schedule?: Schedule;
  data?: FitData<X, Y>;
  metrics?: Readonly<Record<string, AnyMetric<O, Y>>>;
  /** All that take part. */
  callbacks: readonly Callback<X, Y, O>[];
}
