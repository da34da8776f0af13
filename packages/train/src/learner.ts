import { type Tensor, TensorError } from "@fai/tensor";
import { loadStateDict, stateDict } from "@fai/tensor/io";
import type { Module } from "@fai/tensor/nn";
import { fileIn, readTensors, writeTensors } from "#storage";
import { type Callback, checkCallback } from "./callback.js";
import { saveBest } from "./callbacks/saveBest.js";
import { saveCycle } from "./callbacks/saveCycle.js";
import { averagePredictions } from "./ensemble.js";
import type { BatchSource, FitData } from "./fit.js";
import { planFit } from "./fitPlan.js";
import { groupIndex, groupParameters, groupRates, type LayerGroups, layerGroups, type Rates } from "./groups.js";
import type {
  FineTuneOptions,
  LearnerFitOptions,
  LearnerOptions,
  RunOptions,
  ScheduledFitOptions,
} from "./learnerOptions.js";
import { measure, trainRun } from "./loop.js";
import { type Activation, activationOf } from "./lossActivation.js";
import type { AnyMetric } from "./metrics.js";
import type { Optimizer, OptimizerFactory } from "./optim/optimizer.js";
import { sgd } from "./optim/sgd.js";
import { setWeightDecay } from "./optim/weightDecay.js";
import { type Predictions, predictBatches } from "./predictions.js";
import { type PredictorInfo, savePredictor } from "./predictor.js";
import { type EpochRow, emptyHistory, type History, Run } from "./run.js";
import { finderPlan, LrFinder, type LrFindOptions, type LrFindResult, rememberChance } from "./schedules/lrFinder.js";
import { phaseOptimizers, phaseSchedule, type TrainingPhase } from "./schedules/phases.js";
import {
  type FlatCosineOptions,
  flatCosine,
  followSchedule,
  type OneCycleOptions,
  oneCycle,
} from "./schedules/schedule.js";
import { takeSnapshot } from "./snapshot.js";
import { summarize } from "./summary.js";
import { setTrainingMode } from "./trainingMode.js";

/**
 * Data, a model and a loss, ready to train: the loop that every domain uses. Callbacks take part in it through the run.
 * `fit` may be called again and goes on from the weights as they are.
 */
export class Learner<X, Y, O = Tensor> {
  /** What it trains on; `setData` puts other data in its place. */
  data: FitData<X, Y>;
  readonly model: Module<NoInfer<X>, O>;
  readonly loss: (output: O, target: Y) => Tensor;
  readonly metrics: Readonly<Record<string, AnyMetric<O, Y>>>;
  /** Layers in groups, the input's first. */
  readonly groups: LayerGroups;
  readonly modelsDir: string;
  readonly cacheDir: string;
  /** What the last run wrote down. */
  history: History = emptyHistory();
  private readonly callbacks: readonly Callback<X, Y, O>[];
  private readonly makeOptimizer: OptimizerFactory;
  private readonly activation: (output: O) => Tensor;
  private readonly ownActivation: boolean;
  private readonly wd: number | readonly number[] | undefined;
  private current: Optimizer | undefined;
  /** Groups from the first that are frozen. */
  private frozen = 0;
  private batchNormsFrozen = false;

  /** Throws when a callback has a member that looks like an event and is none, or a parameter is in no layer group. */
  constructor(data: FitData<X, Y>, model: Module<NoInfer<X>, O>, options: LearnerOptions<X, Y, O>) {
    const { loss, optimizer = sgd({ momentum: 0.9 }), metrics = {}, callbacks = [], activation, groups, wd } = options;
    for (const callback of callbacks) checkCallback(callback);
    this.data = data;
    this.model = model;
    this.loss = loss;
    this.metrics = metrics;
    this.groups = layerGroups(model, groups);
    groupParameters(model, this.groups);
    this.modelsDir = options.modelsDir ?? "models";
    this.cacheDir = options.cacheDir ?? "tmp";
    this.callbacks = callbacks;
    this.makeOptimizer = optimizer;
    this.activation = activation ?? activationOf(loss);
    this.ownActivation = activation !== undefined;
    this.wd = wd;
  }

  /** The optimizer of the last fit, or a fresh one before the first. */
  get optimizer(): Optimizer {
    return (this.current ??= this.createOptimizer());
  }

  /** A fresh optimizer of the model's parameters, in layer groups. */
  createOptimizer(
    wd: number | readonly number[] | undefined = this.wd,
    make: OptimizerFactory = this.makeOptimizer,
  ): Optimizer {
    const optimizer = make(groupParameters(this.model, this.groups));
    setWeightDecay(optimizer, wd);
    return optimizer;
  }

  /**
   * Trains, and returns a row an epoch. `fit(0.01, { epochs: 3 })` keeps the rate; `fit(0.01, { cycles: 3, cycleLength: 1,
   * cycleMult: 2 })` runs SGDR over 1 + 2 + 4 epochs; a list of rates, or a range, gives each layer group its own. On an error
   * the model is as after the last whole step.
   */
  async fit(lr: Rates, options: LearnerFitOptions<X, Y, O> = {}): Promise<EpochRow[]> {
    const { callbacks = [], metrics, wd = this.wd, cycleSave, bestSave, keepOptimizer = false } = options;
    const rates = groupRates("fit", lr, this.groups.length);
    const plan = planFit(rates.at(-1)!, options, this.data.train.length);
    for (const callback of callbacks) checkCallback(callback);
    const own: Callback<X, Y, O>[] = [];
    if (cycleSave !== undefined) {
      if (options.cycleLength === undefined)
        throw new TensorError("fit", "cycleSave needs cycleLength: there are no cycles.");
      own.push(saveCycle(cycleSave, plan));
    }
    if (bestSave !== undefined) own.push(saveBest(bestSave));
    const optimizer = keepOptimizer ? this.optimizer : this.createOptimizer(wd);
    if (keepOptimizer) setWeightDecay(optimizer, wd);
    optimizer.setRates(rates);
    this.current = optimizer;
    const run = await this.startRun({
      optimizer,
      epochs: plan.epochs,
      schedule: plan.schedule,
      ...(metrics && { metrics }),
      callbacks: [...this.callbacks, ...callbacks, ...own],
    });
    return run.history.rows;
  }

  /** Trains along one cycle: the rate rises to `lr` and falls far below it, the momentum the other way round. */
  fitOneCycle(lr: Rates, options: ScheduledFitOptions<X, Y, O> & OneCycleOptions = {}): Promise<EpochRow[]> {
    const { div, divFinal, share, momenta, ...rest } = options;
    const shape = {
      ...(div && { div }),
      ...(divFinal && { divFinal }),
      ...(share && { share }),
      ...(momenta && { momenta }),
    };
    return this.fit(lr, { ...rest, schedule: oneCycle(this.topRate("fitOneCycle", lr), shape) });
  }

  /** Trains at the full rate first, then down half a cosine. */
  fitFlatCosine(lr: Rates, options: ScheduledFitOptions<X, Y, O> & FlatCosineOptions = {}): Promise<EpochRow[]> {
    const { share, divFinal, ...rest } = options;
    const shape = { ...(share && { share }), ...(divFinal && { divFinal }) };
    return this.fit(lr, { ...rest, schedule: flatCosine(this.topRate("fitFlatCosine", lr), shape) });
  }

  /**
   * Fine-tunes a pretrained model: one cycle with all but the last group frozen, then one cycle of `epochs` over the whole model
   * at lower rates, the lowest for the first group (fastai's fine_tune). Returns the rows of both.
   */
  async fineTune(epochs: number, options: FineTuneOptions<X, Y, O> = {}): Promise<EpochRow[]> {
    const { lr = 2e-3, freezeEpochs = 1, lrMult = 100, share = 0.3, div = 5, ...rest } = options;
    this.freeze();
    const first = await this.fitOneCycle({ to: lr }, { ...rest, epochs: freezeEpochs, share: 0.99 });
    this.unfreeze();
    const low = lr / 2;
    const second = await this.fitOneCycle({ from: low / lrMult, to: low }, { ...rest, epochs, share, div });
    return [...first, ...second];
  }

  /** Trains in phases, each with its own rate, momentum and, when given, optimizer. */
  async fitPhases(phases: readonly TrainingPhase[], options: ScheduledFitOptions<X, Y, O> = {}): Promise<EpochRow[]> {
    const { epochs, ...schedule } = phaseSchedule(phases);
    const callbacks = [
      phaseOptimizers(phases, (wd, make) => this.createOptimizer(wd ?? options.wd ?? this.wd, make)),
      ...(options.callbacks ?? []),
    ];
    return this.fit(schedule.lr(0), { ...options, callbacks, epochs, schedule });
  }

  /** One run of which everything is given: what `fit` and `lrFind` stand on. */
  async startRun({
    optimizer,
    epochs,
    schedule,
    data = this.data,
    metrics = this.metrics,
    callbacks,
  }: RunOptions<X, Y, O>): Promise<Run<X, Y, O>> {
    const run = new Run<X, Y, O>(this, optimizer, {
      epochs,
      batches: data.train.length,
      data,
      metrics,
      loss: this.loss,
    });
    this.history = run.history;
    const taking = [...(schedule ? [followSchedule(schedule)] : []), ...callbacks];
    taking.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    run.callbacks = taking;
    try {
      await trainRun(run, taking, () => setTrainingMode(this.model, this.groups, this.frozen, this.batchNormsFrozen));
    } finally {
      this.model.eval();
    }
    return run;
  }

  /**
   * Raises the rate batch by batch until the loss explodes, and says what each did: over an epoch, or over 100 steps where an
   * epoch has fewer. Weights, states, optimizer and random numbers are afterwards what they were, bit for bit.
   */
  async lrFind(options: LrFindOptions = {}): Promise<LrFindResult> {
    const batches = this.data.train.length;
    const plan = finderPlan(batches, options);
    const finder = new LrFinder(plan);
    const { history } = this;
    const restore = await takeSnapshot(this.model);
    const restoreChance = rememberChance([this.data.train, this.data.valid]);
    try {
      const optimizer = this.createOptimizer(options.wd ?? this.wd);
      if (this.current && this.current.lr > 0) optimizer.setRates(this.current.groups.map(({ options: { lr } }) => lr));
      await this.startRun({
        optimizer,
        epochs: Math.ceil(plan.steps / batches),
        data: { train: this.data.train },
        callbacks: [...this.callbacks.filter(({ inLrFind }) => inLrFind), finder.callback()],
      });
    } finally {
      restore();
      restoreChance();
      this.history = history;
    }
    return finder.result();
  }

  /** Freezes the first layer groups, up to but without group `n` (from the end when negative); the others learn. */
  freezeTo(n: number): void {
    this.frozen = groupIndex("freezeTo", n, this.groups.length);
    groupParameters(this.model, this.groups).forEach((parameters, i) => {
      for (const parameter of parameters) parameter.trainable = i >= this.frozen;
    });
  }

  /** Freezes all layer groups but the last. */
  freeze(): void {
    this.freezeTo(-1);
  }

  /** Lets all layer groups learn. */
  unfreeze(): void {
    this.freezeTo(0);
  }

  /** Whether batch norms keep their running statistics as they are, also in groups that learn. */
  bnFreeze(on = true): void {
    this.batchNormsFrozen = on;
  }

  /** Goes on with other data, as with larger pictures. */
  setData(data: FitData<X, Y>): void {
    this.data = data;
  }

  /** The mean loss and metrics over batches (the validation set by default). */
  async validate(
    batches: BatchSource<X, Y> | undefined = this.data.valid,
  ): Promise<{ loss: number; metrics: Record<string, number> }> {
    const set = present("validate", batches);
    const run = new Run<X, Y, O>(this, this.optimizer, {
      epochs: 0,
      batches: 0,
      data: this.data,
      metrics: this.metrics,
      loss: this.loss,
    });
    return measure(run, this.callbacks, set);
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
    const set = present("predictAll", batches);
    this.model.eval();
    return predictBatches((x) => this.activation(this.model.call(x)), set);
  }

  /** The mean of the predictions under each of several saved weights (`["snap_cyc_0", "snap_cyc_1"]`); the model's own come back. */
  async ensemble(
    names: readonly string[],
    batches: BatchSource<X, Y> | undefined = this.data.valid,
  ): Promise<Predictions<Y>> {
    const set = present("ensemble", batches);
    const restore = await takeSnapshot(this.model);
    const members: Predictions<Y>[] = [];
    try {
      for (const name of names) {
        await this.load(name);
        members.push(await this.predictAll(set));
      }
    } finally {
      restore();
    }
    return averagePredictions(members);
  }

  /** Writes weights and states to a safetensors file, whole or not at all: a plain name is kept in `modelsDir`, a path as it is. */
  async save(nameOrPath: string): Promise<void> {
    await writeTensors(this.weightsFile(nameOrPath), await stateDict(this.model));
  }

  /** Reads weights and states that `save` wrote; throws, and changes nothing, when they are of another model. */
  async load(nameOrPath: string): Promise<void> {
    const { tensors } = await readTensors(this.weightsFile(nameOrPath));
    loadStateDict(this.model, tensors);
  }

  /** Reads the weights of the end of cycle `k`, which `fit` with `cycleSave: name` wrote. */
  async loadCycle(name: string, k: number): Promise<void> {
    await this.load(`${name}_cyc_${k}`);
  }

  /**
   * Writes a predictor's file, for `loadPredictor`: the model, what makes predictions of its outputs, and `info`, from which both are made
   * again. Learners of the domains know their own. Throws when the activation is a function that only this program has.
   */
  async savePredictor(path: string, info: PredictorInfo & { activation?: Activation }): Promise<void> {
    if (this.ownActivation && info.activation === undefined) {
      throw new TensorError(
        "savePredictor",
        'the learner has an activation of its own, which a file cannot hold. Name one: { activation: "softmax" }.',
      );
    }
    await savePredictor(path, { activation: this.loss, ...info, model: this.model });
  }

  /** A table of the layers with the shapes of their outputs, their parameters, and whether they learn. */
  async summary(): Promise<string> {
    return summarize(this.model, this.data.train);
  }

  private weightsFile(nameOrPath: string): string {
    const isPath = /[/\\]|\.safetensors$/.test(nameOrPath);
    return isPath ? nameOrPath : fileIn(this.modelsDir, `${nameOrPath}.safetensors`);
  }

  private topRate(op: string, lr: Rates): number {
    return groupRates(op, lr, this.groups.length).at(-1)!;
  }
}

function present<T>(op: string, batches: T | undefined): T {
  if (batches !== undefined) return batches;
  throw new TensorError(op, "there is no validation set. Give the data a valid loader, or pass one.");
}
