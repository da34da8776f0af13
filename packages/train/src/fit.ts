import { checkFinite, discard, gradients, type Tensor, TensorError } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { adviseBatchSize } from "./adviseBatchSize.js";
import { SmoothedAverage } from "./averages.js";
import { breathe } from "./breathe.js";
import { clipGradNorm } from "./clipGradNorm.js";
import type { Batch } from "./data/dataset.js";
import { Measures } from "./metrics/measures.js";
import type { AnyMetric } from "./metrics.js";
import { Optimizer, type OptimizerFactory } from "./optim/optimizer.js";
import { ReadLate } from "./readLate.js";
import { restBatchNorms } from "./trainingMode.js";

/** Batches with a known count, as a `DataLoader` gives them: iterating once is one epoch. */
export interface BatchSource<X, Y> extends AsyncIterable<Batch<X, Y>> {
  readonly length: number;
  /** Epochs begun, where the source counts them: setting it back repeats one. */
  epoch?: number;
  /** Of the shuffling, where there is one. */
  seed?: number | undefined;
  /** One epoch without its first `start` batches, which need not be made; without it they are made and dropped. */
  batchesFrom?(start: number): AsyncIterable<Batch<X, Y>>;
}

/** What a model is trained on, and what it is measured on after every epoch. */
export interface FitData<X, Y> {
  readonly train: BatchSource<X, Y>;
  readonly valid?: BatchSource<X, Y>;
}

/** Where a fit stands when a batch begins. */
export interface FitProgress {
  /** Epochs finished. */
  readonly epoch: number;
  /** Batches finished, over all epochs. */
  readonly step: number;
  /** Batches that the whole fit has. */
  readonly steps: number;
  /** Schedules set its `lr`. */
  readonly optimizer: Optimizer;
}

/** What an epoch came to. */
export interface FitRow<M extends string = string> {
  /** 1 for the first. */
  readonly epoch: number;
  /** The loss in training, smoothed over batches (0.98 of the average is kept; corrected for its start). */
  readonly trainLoss: number;
  /** The mean loss over the rows of the validation set. */
  readonly validLoss: number | undefined;
  /** The mean of each metric over the rows of the validation set; empty without one. */
  readonly metrics: Partial<Record<M, number>>;
  /** Time it took, validation included. */
  readonly seconds: number;
}

/** Options of `fit`. */
export interface FitOptions<O, Y, M extends string = string> {
  /** How often the training set is gone through. */
  epochs: number;
  /** `adam({ lr: 1e-3 })`, or an optimizer that goes on where it stands. */
  optimizer: Optimizer | OptimizerFactory;
  /** The loss of a batch, as a tensor []: `crossEntropy`. */
  loss: (output: O, target: Y) => Tensor;
  /** By name, what is measured on the validation set: `{ accuracy }`. */
  metrics?: Readonly<Record<M, AnyMetric<O, Y>>>;
  /** The longest that all gradients together may be; they are scaled down to it (no limit). */
  clipNorm?: number;
  /** Called before each batch: `({ step, steps, optimizer }) => { optimizer.lr = schedule(step / steps); }`. */
  onBatch?: (progress: FitProgress) => void;
  /** Called after each epoch. */
  onEpoch?: (row: FitRow<M>) => void;
}

/**
 * Trains a model and returns one row an epoch. Each batch is one submission to the device; its loss is read one or two batches later,
 * so the device never waits. Timers and servers of the process stay alive.
 *
 * Throws when a loss or the clipped norm is not finite: that batch changed no parameter. What was queued is dropped on any
 * error, so the model is as it was after the last whole step. Afterwards the model is in inference mode.
 */
export async function fit<X, Y, O, M extends string = never>(
  model: Module<NoInfer<X>, O>,
  { train, valid }: FitData<X, Y>,
  { epochs, optimizer: given, loss, metrics, clipNorm, onBatch, onEpoch }: FitOptions<O, NoInfer<Y>, M>,
): Promise<FitRow<M>[]> {
  if (!(Number.isInteger(epochs) && epochs >= 0))
    throw new TensorError("fit", `epochs is ${epochs}, expected a whole number of at least 0.`);
  const optimizer = given instanceof Optimizer ? given : given(model.parameters());
  const smoothed = new SmoothedAverage(0.98);
  const rows: FitRow<M>[] = [];
  let step = 0;
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const start = performance.now();
      model.train();
      const losses = new ReadLate<number>((value) => smoothed.add(value));
      for await (const { x, y, size } of train) {
        onBatch?.({ epoch, step: step++, steps: epochs * train.length, optimizer });
        const wake = restBatchNorms(model, size);
        const output = model.call(x);
        wake();
        await losses.push(trainBatch(loss(output, y), optimizer, clipNorm, size));
        await breathe();
      }
      await losses.finish();
      model.eval();
      const measured = valid && (await validate(model, valid, { loss, ...(metrics && { metrics }) }));
      const seconds = (performance.now() - start) / 1000;
      const row = {
        epoch: epoch + 1,
        trainLoss: smoothed.value,
        validLoss: measured?.loss,
        metrics: measured?.metrics ?? {},
        seconds,
      };
      rows.push(row);
      onEpoch?.(row);
    }
  } finally {
    discard();
    model.eval();
  }
  return rows;
}

/** Queues the update for a loss and submits both; the loss arrives later. */
async function trainBatch(
  loss: Tensor,
  optimizer: Optimizer,
  clipNorm: number | undefined,
  rows: number,
): Promise<number> {
  const checked = checkFinite(loss, "the training loss");
  const found = gradients(checked, optimizer.trainable());
  optimizer.step(clipNorm === undefined ? found : clipGradNorm(found, clipNorm).gradients);
  try {
    return await checked.item();
  } catch (error) {
    throw adviseBatchSize(error, rows);
  }
}

/** What `validate` measures. */
export interface ValidateOptions<O, Y, M extends string = string> {
  loss: (output: O, target: Y) => Tensor;
  metrics?: Readonly<Record<M, AnyMetric<O, Y>>>;
}

/** The mean loss and metrics of a model over batches, each weighted by its rows. The model is used in the mode that it is in. */
export async function validate<X, Y, O, M extends string = never>(
  model: Module<NoInfer<X>, O>,
  batches: AsyncIterable<Batch<X, Y>>,
  { loss, metrics }: ValidateOptions<O, NoInfer<Y>, M>,
): Promise<{ loss: number; metrics: Partial<Record<M, number>> }> {
  const measures = new Measures<O, Y>(metrics ?? {});
  const reads = new ReadLate<() => void>((add) => add());
  for await (const { x, y, size } of batches) {
    const output = model.call(x);
    const { values, add } = measures.batch(loss(output, y), output, y, size);
    await reads.push(values.data().then((list) => () => add(list)));
    await breathe();
  }
  await reads.finish();
  const { loss: mean, metrics: found } = measures.result();
  return { loss: mean, metrics: found as Partial<Record<M, number>> };
}
