import type { Tensor } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { SmoothedAverage } from "./averages.js";
import type { Callback } from "./callback.js";
import type { FitData } from "./fit.js";
import type { Learner } from "./learner.js";
import type { AnyMetric } from "./metrics.js";
import type { Optimizer } from "./optim/optimizer.js";

/** What an epoch came to: one line of the table. */
export interface EpochRow {
  /** 1 for the first of the run. */
  readonly epoch: number;
  /** The training loss, smoothed over batches (0.98 is kept, corrected for its start), without penalties. */
  readonly trainLoss: number;
  /** The mean loss over the validation rows; NaN without validation data. */
  readonly validLoss: number;
  /** The mean of each metric over the validation rows, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** What a run wrote down, ready for plots: one entry a batch, and one row an epoch. */
export interface History {
  /** The loss of each batch, without penalties. */
  readonly losses: number[];
  /** The smoothed loss after each batch: what the table shows. */
  readonly smoothed: number[];
  /** Learning rate of each batch: that of the last layer group. */
  readonly lrs: number[];
  /** Momentum (Adam: the first beta) of each batch. */
  readonly momenta: number[];
  readonly rows: EpochRow[];
}

/** A history with nothing in it. */
export function emptyHistory(): History {
  return { losses: [], smoothed: [], lrs: [], momenta: [], rows: [] };
}

/** What a run is made of. */
export interface RunParts<Y, O> {
  /** Epochs of the whole run. */
  epochs: number;
  /** Training batches of an epoch. */
  batches: number;
  data: FitData<unknown, unknown>;
  loss: (output: O, target: Y) => Tensor;
  metrics: Readonly<Record<string, AnyMetric<O, Y>>>;
}

/** The state of one fit, which callbacks read and write. */
export class Run<X = unknown, Y = unknown, O = unknown> {
  readonly learner: Learner<X, Y, O>;
  /** Updates the parameters; a callback may put another in its place. */
  optimizer: Optimizer;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /** Training batches of an epoch. */
  readonly batches: number;
  readonly data: FitData<X, Y>;
  readonly metrics: Readonly<Record<string, AnyMetric<O, Y>>>;
  readonly history: History = emptyHistory();
  /** The training loss over batches. */
  readonly smoothed = new SmoothedAverage(0.98);
  /** Epochs finished. */
  epoch = 0;
  /** Batches finished in this epoch's phase. */
  batch = 0;
  /** Training batches finished in the run. */
  step = 0;
  /** Training batches of the first epoch that an earlier process did already. */
  skipBatches = 0;
  /** False in validation. */
  training = true;
  /** The smoothed training loss, as far as it is known (one or two batches late). */
  trainLoss = Number.NaN;
  /** Set before each batch. */
  x!: X;
  y!: Y;
  size = 0;
  /** Set by the model, the loss and the derivatives; what callbacks put here is used. */
  output!: O;
  /** The loss of the batch: it is reported, and followed together with the penalties. */
  loss!: Tensor;
  gradients: Tensor[] = [];
  /** What computes the loss; callbacks may put another in its place, for training batches. */
  lossFunction: (output: O, target: Y) => Tensor;
  /** How the model is called, in training and in validation; callbacks may put another way in its place. */
  callModel: (model: Module<X, O>, x: X) => O = (model, x) => model.call(x);
  /** What the loss is multiplied by before its derivatives are taken, as f32 []: set for each batch by who divides the gradients again. */
  lossScale: Tensor | undefined;
  /** Whether this batch's step is made, where the device decides it, as bool [] (it always is). */
  stepWhen: Tensor | undefined;
  /** Whether this batch ends in an optimizer's step; gradients are accumulated where it does not. */
  willStep = true;
  /**
   * What went wrong, for the `after...` events of the phases that end because of it; a callback that handles it in `afterFit` sets it to
   * undefined.
   */
  failure: unknown;
  /** Waits until the losses of all batches so far are written down. */
  settle: () => Promise<void> = async () => {};
  /** All callbacks that take part, in their order. */
  callbacks: readonly Callback[] = [];
  /** The penalties of this batch together. */
  penalty: Tensor | undefined;

  constructor(learner: Learner<X, Y, O>, optimizer: Optimizer, parts: RunParts<Y, O>) {
    this.learner = learner;
    this.optimizer = optimizer;
    this.epochs = parts.epochs;
    this.batches = parts.batches;
    this.data = parts.data as FitData<X, Y>;
    this.lossFunction = parts.loss;
    this.metrics = parts.metrics;
  }

  /** Adds a regularization term [] to what this batch minimizes; the loss that is reported stays without it. */
  addPenalty(term: Tensor): void {
    this.penalty = this.penalty ? this.penalty.add(term) : term;
  }

  /** Share of the run's training batches that are finished, 0 to 1. */
  get progress(): number {
    return this.step / Math.max(1, this.epochs * this.batches);
  }

  /** The learning rate of the next step, of the last layer group; the others follow in proportion. */
  get lr(): number {
    return this.optimizer.lr;
  }
  set lr(value: number) {
    this.optimizer.lr = value;
  }

  /** The momentum of the next step: SGD's momentum, Adam's first beta; 0 for optimizers without. */
  get momentum(): number {
    const { momentum, betas } = this.optimizer.options as { momentum?: number; betas?: readonly number[] };
    return momentum ?? betas?.[0] ?? 0;
  }
  set momentum(value: number) {
    for (const group of this.optimizer.groups) {
      const options = group.options as { momentum?: number; betas?: readonly [number, number] };
      if (options.momentum !== undefined) options.momentum = value;
      else if (options.betas) options.betas = [value, options.betas[1]];
    }
  }
}
