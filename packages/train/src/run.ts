import type { Tensor } from "@fai/tensor";
import type { Learner } from "./learner.js";
import type { Optimizer } from "./optim/optimizer.js";

/** What an epoch came to: one line of the table. */
export interface EpochRow {
  /** 1 for the first of the run. */
  readonly epoch: number;
  /** The training loss, smoothed over batches (0.98 is kept, corrected for its start). */
  readonly trainLoss: number;
  /** The mean loss over the validation rows; NaN without validation data. */
  readonly validLoss: number;
  /** The mean of each metric over the validation rows, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** What a run wrote down, ready for plots: one entry a batch, and one row an epoch. */
export interface History {
  /** The loss of each batch. */
  readonly losses: number[];
  /** Learning rate of each batch. */
  readonly lrs: number[];
  /** Momentum (Adam: the first beta) of each batch. */
  readonly momenta: number[];
  readonly rows: EpochRow[];
}

/** The state of one fit, which callbacks read and write. */
export class Run<X = unknown, Y = unknown, O = unknown> {
  readonly learner: Learner<X, Y, O>;
  readonly optimizer: Optimizer;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /** Training batches of an epoch. */
  readonly batches: number;
  readonly history: History = { losses: [], lrs: [], momenta: [], rows: [] };
  /** Epochs finished. */
  epoch = 0;
  /** Batches finished in this epoch's phase. */
  batch = 0;
  /** Training batches finished in the run. */
  step = 0;
  /** False in validation. */
  training = true;
  /** The smoothed training loss, as far as it is known (two batches late). */
  trainLoss = Number.NaN;
  /** Set before each batch. */
  x!: X;
  y!: Y;
  size = 0;
  /** Set by the model, the loss and the derivatives; what callbacks put here is used. */
  output!: O;
  loss!: Tensor;
  gradients: Tensor[] = [];

  constructor(learner: Learner<X, Y, O>, optimizer: Optimizer, { epochs, batches }: { epochs: number; batches: number }) {
    this.learner = learner;
    this.optimizer = optimizer;
    this.epochs = epochs;
    this.batches = batches;
  }

  /** Share of the run's training batches that are finished, 0 to 1. */
  get progress(): number {
    return this.step / Math.max(1, this.epochs * this.batches);
  }

  /** The learning rate of the next step. */
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
    const options = this.optimizer.options as { momentum?: number; betas?: readonly [number, number] };
    if (options.momentum !== undefined) options.momentum = value;
    else if (options.betas) options.betas = [value, options.betas[1]];
  }
}
