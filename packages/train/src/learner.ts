import { checkFinite, discard, gradients, stack, type Tensor, TensorError } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { SmoothedAverage, WeightedAverage } from "./averages.js";
import { breathe } from "./breathe.js";
import { Cancel, checkCallback, type Callback, type EventName } from "./callback.js";
import { readWeights, writeWeights } from "#weights";
import type { FitData, BatchSource } from "./fit.js";
import { activationOf } from "./lossActivation.js";
import type { Metric } from "./metrics.js";
import { adam } from "./optim/adam.js";
import { Optimizer, type OptimizerFactory } from "./optim/optimizer.js";
import { ReadLate } from "./readLate.js";
import { Run, type EpochRow, type History } from "./run.js";
import { constant, followSchedule, oneCycle, type OneCycleOptions, type Schedule } from "./schedules/schedule.js";

/** Options of a Learner. */
export interface LearnerOptions<X, Y, O> {
  /** The loss of a batch on the model's outputs (logits for classifiers), as a tensor []: `crossEntropy`. */
  loss: (output: O, target: Y) => Tensor;
  /** How parameters learn (`adam({ lr: 1e-3 })`); the rate comes from fit. */
  optimizer?: OptimizerFactory;
  /** What is measured on the validation set, by name: `{ accuracy }`. */
  metrics?: Readonly<Record<string, Metric<O, Y>>>;
  /** Take part in every run. */
  callbacks?: readonly Callback<X, Y, O>[];
  /** Makes predictions of outputs; by default what belongs to the loss (softmax for crossEntropy, sigmoid for bceWithLogits). */
  activation?: (output: O) => Tensor;
}

/** Options of `fit`. */
export interface LearnerFitOptions<X, Y, O> {
  /** How often the training set is gone through (1). */
  epochs?: number;
  /** Rate and momentum over the run (the rate given, throughout). */
  schedule?: Schedule;
  /** Take part in this run only. */
  callbacks?: readonly Callback<X, Y, O>[];
}

/** Predictions for all rows of a set, and what was true. */
export interface Predictions<Y> {
  /** Probabilities where the loss works on logits, [rows, ...]. */
  readonly values: Float32Array;
  readonly shape: readonly number[];
  readonly targets: Y[];
}

/**
 * Data, a model and a loss, ready to train: the loop that every domain uses. Callbacks take part in it through the run.
 * `fit` may be called again and goes on; the optimizer keeps what it remembers.
 */
export class Learner<X, Y, O = Tensor> {
  readonly data: FitData<X, Y>;
  readonly model: Module<NoInfer<X>, O>;
  readonly loss: (output: O, target: Y) => Tensor;
  readonly metrics: Readonly<Record<string, Metric<O, Y>>>;
  /** What the last run wrote down. */
  history: History = { losses: [], lrs: [], momenta: [], rows: [] };
  private readonly callbacks: readonly Callback<X, Y, O>[];
  private readonly makeOptimizer: OptimizerFactory;
  private readonly activation: (output: O) => Tensor;
  private optimizer: Optimizer | undefined;

  /** Throws when a callback has a member that looks like an event and is none. */
  constructor(data: FitData<X, Y>, model: Module<NoInfer<X>, O>, options: LearnerOptions<X, Y, O>) {
    const { loss, optimizer = adam({ lr: 1e-3 }), metrics = {}, callbacks = [], activation } = options;
    for (const callback of callbacks) checkCallback(callback);
    this.data = data;
    this.model = model;
    this.loss = loss;
    this.metrics = metrics;
    this.callbacks = callbacks;
    this.makeOptimizer = optimizer;
    this.activation = activation ?? activationOf(loss);
  }

  /** Trains at rate `lr` (or along `schedule`) and returns a row an epoch. On an error the model is as after the last whole step. */
  async fit(lr: number, { epochs = 1, schedule, callbacks = [] }: LearnerFitOptions<X, Y, O> = {}): Promise<EpochRow[]> {
    if (!(Number.isInteger(epochs) && epochs >= 0)) throw new TensorError("fit", `epochs is ${epochs}, expected a whole number of at least 0.`);
    if (!(lr >= 0)) throw new TensorError("fit", `lr is ${lr}, expected a number of at least 0.`);
    for (const callback of callbacks) checkCallback(callback);
    this.optimizer ??= this.makeOptimizer(this.model.parameters());
    const run = new Run<X, Y, O>(this, this.optimizer, { epochs, batches: this.data.train.length });
    this.history = run.history;
    const taking = [followSchedule(schedule ?? { lr: constant(lr) }), ...this.callbacks, ...callbacks];
    taking.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    await this.phase(run, taking, "Fit", "fit", async () => {
      const smoothed = new SmoothedAverage(0.98);
      for (; run.epoch < epochs; run.epoch++) await this.epoch(run, taking, smoothed);
    });
    return run.history.rows;
  }

  /** Trains along one cycle: the rate rises to `lr` and falls far below it, the momentum the other way round. */
  fitOneCycle(lr: number, { epochs = 1, callbacks = [], ...options }: Omit<LearnerFitOptions<X, Y, O>, "schedule"> & OneCycleOptions = {}): Promise<EpochRow[]> {
    return this.fit(lr, { epochs, callbacks, schedule: oneCycle(lr, options) });
  }

  /** The mean loss and metrics over batches (the validation set by default). */
  async validate(batches: BatchSource<X, Y> | undefined = this.data.valid): Promise<{ loss: number; metrics: Record<string, number> }> {
    if (!batches) throw new TensorError("validate", "there is no validation set. Give the data a valid loader, or pass one.");
    const run = new Run<X, Y, O>(this, (this.optimizer ??= this.makeOptimizer(this.model.parameters())), { epochs: 0, batches: 0 });
    return this.measure(run, [...this.callbacks], batches);
  }

  /** Predictions for one batch of inputs, in inference mode: probabilities where the loss works on logits. */
  async predict(x: X): Promise<Tensor> {
    this.model.eval();
    const values = this.activation(this.model.call(x));
    await values.data();
    return values;
  }

  /** Predictions for all rows of a set (the validation set by default), in its order, with the targets. */
  async predictAll(batches: BatchSource<X, Y> | undefined = this.data.valid): Promise<Predictions<Y>> {
    if (!batches) throw new TensorError("predictAll", "there is no validation set. Give the data a valid loader, or pass one.");
    this.model.eval();
    const parts: Float32Array[] = [];
    const targets: Y[] = [];
    let row: readonly number[] = [];
    const reads = new ReadLate<Float32Array>((part) => parts.push(part));
    for await (const { x, y } of batches) {
      const values = this.activation(this.model.call(x));
      row = values.shape.slice(1);
      targets.push(y);
      await reads.push(values.data());
      await breathe();
    }
    await reads.finish();
    const values = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
    let at = 0;
    for (const part of parts) {
      values.set(part, at);
      at += part.length;
    }
    const width = row.reduce((n, d) => n * d, 1);
    return { values, shape: [values.length / Math.max(1, width), ...row], targets };
  }

  /** Writes the model's weights and states to a safetensors file; the old file stays until the new one is whole. */
  async save(path: string): Promise<void> {
    await writeWeights(this.model, path);
  }

  /** Reads weights and states that `save` wrote into the model; throws, and changes nothing, when they are of another one. */
  async load(path: string): Promise<void> {
    await readWeights(this.model, path);
  }

  private async epoch(run: Run<X, Y, O>, taking: readonly Callback<X, Y, O>[], smoothed: SmoothedAverage): Promise<void> {
    const start = performance.now();
    let measured: { loss: number; metrics: Record<string, number> } = { loss: Number.NaN, metrics: {} };
    await this.phase(run, taking, "Epoch", "epoch", async () => {
      run.training = true;
      this.model.train();
      await this.phase(run, taking, "Train", undefined, () => this.trainEpoch(run, taking, smoothed));
      if (this.data.valid) measured = await this.measure(run, taking, this.data.valid);
      const seconds = (performance.now() - start) / 1000;
      run.history.rows.push({ epoch: run.epoch + 1, trainLoss: smoothed.value, validLoss: measured.loss, metrics: measured.metrics, seconds });
    });
  }

  private async trainEpoch(run: Run<X, Y, O>, taking: readonly Callback<X, Y, O>[], smoothed: SmoothedAverage): Promise<void> {
    const losses = new ReadLate<number>((value) => {
      smoothed.add(value);
      run.trainLoss = smoothed.value;
      run.history.losses.push(value);
    });
    run.batch = 0;
    for await (const { x, y, size } of this.data.train) {
      Object.assign(run, { x, y, size });
      await this.phase(run, taking, "Batch", "batch", async () => {
        run.output = this.model.call(run.x as NoInfer<X>);
        await emit(taking, "afterPredict", run);
        run.loss = checkFinite(this.loss(run.output, run.y), "the training loss");
        await emit(taking, "afterLoss", run);
        const parameters = run.optimizer.trainable();
        run.gradients = gradients(run.loss, parameters);
        await emit(taking, "afterBackward", run);
        run.optimizer.step(run.gradients);
        run.history.lrs.push(run.lr);
        run.history.momenta.push(run.momentum);
        await losses.push(run.loss.item());
        await emit(taking, "afterStep", run);
      });
      run.batch++;
      run.step++;
      await breathe();
    }
    await losses.finish();
  }

  private async measure(run: Run<X, Y, O>, taking: readonly Callback<X, Y, O>[], batches: BatchSource<X, Y>): Promise<{ loss: number; metrics: Record<string, number> }> {
    run.training = false;
    this.model.eval();
    const measures = Object.entries(this.metrics);
    const averages = [new WeightedAverage(), ...measures.map(() => new WeightedAverage())];
    await this.phase(run, taking, "Validate", undefined, async () => {
      const reads = new ReadLate<{ values: Float32Array; size: number }>(({ values, size }) => {
        averages.forEach((average, i) => average.add(values[i]!, size));
      });
      run.batch = 0;
      for await (const { x, y, size } of batches) {
        Object.assign(run, { x, y, size });
        await this.phase(run, taking, "Batch", "batch", async () => {
          run.output = this.model.call(run.x as NoInfer<X>);
          await emit(taking, "afterPredict", run);
          run.loss = this.loss(run.output, run.y);
          await emit(taking, "afterLoss", run);
          const values = stack([run.loss, ...measures.map(([, measure]) => measure(run.output, run.y))]).data();
          await reads.push(values.then((list) => ({ values: list, size })));
        });
        run.batch++;
        await breathe();
      }
      await reads.finish();
    });
    const [loss, ...rest] = averages.map((average) => average.value);
    return { loss: loss!, metrics: Object.fromEntries(measures.map(([name], i) => [name, rest[i]!])) };
  }

  /** Runs a phase between its two events; a `Cancel` of that phase ends it, and `after...` comes in any case. */
  private async phase(
    run: Run<X, Y, O>,
    taking: readonly Callback<X, Y, O>[],
    name: "Fit" | "Epoch" | "Train" | "Validate" | "Batch",
    cancels: Cancel["phase"] | undefined,
    body: () => Promise<void>,
  ): Promise<void> {
    try {
      await emit(taking, `before${name}`, run);
      await body();
    } catch (error) {
      discard();
      if (!(error instanceof Cancel && error.phase === cancels)) throw error;
    } finally {
      await emit(taking, `after${name}`, run);
    }
  }
}

async function emit<X, Y, O>(taking: readonly Callback<X, Y, O>[], event: EventName, run: Run<X, Y, O>): Promise<void> {
  for (const callback of taking) {
    const pending = callback[event]?.(run);
    if (pending) await pending;
  }
}
