import { Parameter, State } from "../cell.js";
import { TensorError } from "../errors.js";
import { leaf } from "../node.js";
import { detach } from "../ops/convert.js";
import { add, div, mul, sub } from "../ops/elementwise.js";
import { batchNorm, batchNormTraining } from "../ops/normalization.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { constantInit } from "./init.js";
import { Module } from "./module.js";

/** Options of batch norms. */
export interface BatchNormLayerOptions {
  /** Added to the variance (1e-5). */
  epsilon?: number;
  /** Share of the batch in the running statistics (0.1); null: the plain average over all batches so far. */
  momentum?: number | null;
  /** Whether each channel has a trained scale and shift (true). */
  affine?: boolean;
  /** Whether statistics are kept for inference (true); without, the batch's are always used. */
  trackRunningStats?: boolean;
}

/**
 * Each channel (axis 1) scaled to mean 0 and variance 1 over the batch, in inference over the running statistics (Ioffe and
 * Szegedy, 2015). In training the running statistics (State cells; the variance unbiased, as PyTorch's) are queued with the
 * step and change when it is committed: a step that is discarded leaves them as they were.
 */
abstract class BatchNorm extends Module<Tensor, Tensor> {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly runningMean: State | undefined;
  readonly runningVar: State | undefined;
  /** Training batches seen, i32 []. */
  readonly numBatchesTracked: State | undefined;
  readonly channels: number;
  readonly epsilon: number;
  readonly momentum: number | null;

  /** Numbers of axes that inputs may have. */
  protected abstract get ranks(): readonly number[];
  /** What an input looks like, for messages. */
  protected abstract get layout(): string;

  constructor(
    channels: number,
    { epsilon = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true }: BatchNormLayerOptions = {},
  ) {
    super();
    this.channels = channels;
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(constantInit([channels], 1)) : undefined;
    this.bias = affine ? new Parameter(constantInit([channels], 0)) : undefined;
    this.runningMean = trackRunningStats ? new State(constantInit([channels], 0)) : undefined;
    this.runningVar = trackRunningStats ? new State(constantInit([channels], 1)) : undefined;
    this.numBatchesTracked = trackRunningStats ? new State(leaf(new Int32Array(1), [], "i32")) : undefined;
  }

  forward(x: Tensor): Tensor {
    this.check(x);
    const options = {
      epsilon: this.epsilon,
      ...(this.weight && { weight: this.weight }),
      ...(this.bias && { bias: this.bias }),
    };
    if (!this.training && this.runningMean && this.runningVar) {
      return batchNorm(x, { ...options, mean: this.runningMean, variance: this.runningVar });
    }
    const count = x.size / this.channels;
    if (this.training && count < 2) {
      throw new TensorError(
        this.constructor.name,
        `${formatShape(x.shape)} has one value a channel, which has no variance to train on. Drop the last batch, or call eval()?`,
      );
    }
    const { y, mean, variance } = batchNormTraining(x, options);
    if (this.training) this.track(detach(mean), mul(detach(variance), count / (count - 1)));
    return y;
  }

  private track(mean: Tensor, variance: Tensor): void {
    if (!this.runningMean || !this.runningVar || !this.numBatchesTracked) return;
    const seen = add(this.numBatchesTracked, 1);
    this.numBatchesTracked.set(seen);
    const share = this.momentum ?? div(1, seen);
    for (const [cell, batch] of [
      [this.runningMean, mean],
      [this.runningVar, variance],
    ] as const) {
      const old = cell.value;
      cell.set(add(old, mul(sub(batch, old), share)));
    }
  }

  private check({ shape }: Tensor): void {
    if (this.ranks.includes(shape.length) && shape[1] === this.channels) return;
    throw new TensorError(
      this.constructor.name,
      `the input has shape ${formatShape(shape)}, expected ${this.layout} with ${this.channels} channels on axis 1.`,
    );
  }

  protected override describe(): string {
    const tracked = this.runningMean !== undefined;
    return `${this.channels}, epsilon=${this.epsilon}, momentum=${this.momentum}, affine=${this.weight !== undefined}, trackRunningStats=${tracked}`;
  }
}

/** Batch norm of rows [N, C] or of sequences [N, C, L]. */
export class BatchNorm1d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [2, 3];
  }
  protected override get layout(): string {
    return "[N, C] or [N, C, L]";
  }
}

/** Batch norm of images [N, C, H, W]. */
export class BatchNorm2d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [4];
  }
  protected override get layout(): string {
    return "[N, C, H, W]";
  }
}
