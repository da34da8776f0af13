import { checkFinite, discard, gradients, stack } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { adviseBatchSize } from "./adviseBatchSize.js";
import { breathe } from "./breathe.js";
import { type Callback, Cancel, type EventName } from "./callback.js";
import type { BatchSource } from "./fit.js";
import { Measures } from "./metrics/measures.js";
import { ReadLate } from "./readLate.js";
import type { Run } from "./run.js";
import { restBatchNorms } from "./trainingMode.js";

/** The callbacks of a run, in the order in which they are called. */
export type Taking<X, Y, O> = readonly Callback<X, Y, O>[];

/** What was measured over a set. */
export interface Measured {
  loss: number;
  metrics: Record<string, number>;
}

/** A run from its present epoch to its last. `setMode` puts the model into training. */
export async function trainRun<X, Y, O>(
  run: Run<X, Y, O>,
  taking: Taking<X, Y, O>,
  setMode: () => void,
): Promise<void> {
  await phase(run, taking, "Fit", "fit", async () => {
    for (; run.epoch < run.epochs; run.epoch++) await epoch(run, taking, setMode);
  });
}

async function epoch<X, Y, O>(run: Run<X, Y, O>, taking: Taking<X, Y, O>, setMode: () => void): Promise<void> {
  const start = performance.now();
  let measured: Measured = { loss: Number.NaN, metrics: {} };
  await phase(run, taking, "Epoch", "epoch", async () => {
    run.training = true;
    setMode();
    await phase(run, taking, "Train", undefined, () => trainEpoch(run, taking));
    if (run.data.valid) measured = await measure(run, taking, run.data.valid);
    const seconds = (performance.now() - start) / 1000;
    const { loss: validLoss, metrics } = measured;
    run.history.rows.push({ epoch: run.epoch + 1, trainLoss: run.smoothed.value, validLoss, metrics, seconds });
  });
}

async function trainEpoch<X, Y, O>(run: Run<X, Y, O>, taking: Taking<X, Y, O>): Promise<void> {
  const losses = new ReadLate<number>((value) => {
    run.smoothed.add(value);
    run.trainLoss = run.smoothed.value;
    run.history.losses.push(value);
    run.history.smoothed.push(run.smoothed.value);
  });
  run.settle = () => losses.finish();
  run.batch = run.skipBatches;
  run.skipBatches = 0;
  for await (const { x, y, size } of batchesFrom(run.data.train, run.batch)) {
    Object.assign(run, { x, y, size, penalty: undefined, willStep: true, lossScale: undefined, stepWhen: undefined });
    await phase(run, taking, "Batch", "batch", () => trainBatch(run, taking, losses));
    run.batch++;
    run.step++;
    await breathe();
  }
  await losses.finish();
}

async function trainBatch<X, Y, O>(
  run: Run<X, Y, O>,
  taking: Taking<X, Y, O>,
  losses: ReadLate<number>,
): Promise<void> {
  const model = run.learner.model as Module<X, O>;
  const wake = restBatchNorms(model, run.size);
  try {
    run.output = run.callModel(model, run.x);
  } finally {
    wake();
  }
  await emit(taking, "afterPredict", run);
  run.loss = run.lossFunction(run.output, run.y);
  await emit(taking, "afterLoss", run);
  run.loss = checkFinite(run.loss, "the training loss");
  const objective = run.penalty ? checkFinite(run.loss.add(run.penalty), "the loss with its penalties") : run.loss;
  const seed = run.lossScale?.reshape(objective.shape);
  run.gradients = gradients(objective, run.optimizer.trainable(), seed ? { seed } : {});
  await emit(taking, "afterBackward", run);
  if (run.willStep) run.optimizer.step(run.gradients, run.stepWhen ? { when: run.stepWhen } : {});
  await emit(taking, "afterStep", run);
  run.history.lrs.push(run.lr);
  run.history.momenta.push(run.momentum);
  const { size } = run;
  const value = run.penalty ? stack([run.loss, objective]).data() : run.loss.data();
  await losses.push(
    value.then(
      ([loss]) => loss!,
      (error: unknown) => {
        throw adviseBatchSize(error, size);
      },
    ),
  );
}

/** The mean loss and metrics over batches, each weighted by its rows, in inference mode. */
export async function measure<X, Y, O>(
  run: Run<X, Y, O>,
  taking: Taking<X, Y, O>,
  batches: BatchSource<X, Y>,
): Promise<Measured> {
  const model = run.learner.model as Module<X, O>;
  run.training = false;
  model.eval();
  const measures = new Measures<O, Y>(run.metrics);
  await phase(run, taking, "Validate", undefined, async () => {
    const reads = new ReadLate<() => void>((add) => add());
    run.batch = 0;
    for await (const { x, y, size } of batches) {
      Object.assign(run, { x, y, size });
      await phase(run, taking, "Batch", "batch", async () => {
        run.output = run.callModel(model, run.x);
        await emit(taking, "afterPredict", run);
        run.loss = run.learner.loss(run.output, run.y);
        await emit(taking, "afterLoss", run);
        const { values, add } = measures.batch(run.loss, run.output, run.y, size);
        await reads.push(values.data().then((list) => () => add(list)));
      });
      run.batch++;
      await breathe();
    }
    await reads.finish();
  });
  return measures.result();
}

/** The batches of an epoch but its first `start`; a loader skips them without making them. */
async function* batchesFrom<X, Y>(source: BatchSource<X, Y>, start: number) {
  if (start > 0 && source.batchesFrom) yield* source.batchesFrom(start);
  else {
    let at = 0;
    for await (const batch of source) if (at++ >= start) yield batch;
  }
}

/** Runs a phase between its two events; a `Cancel` of that phase ends it, and `after...` comes in any case. */
export async function phase<X, Y, O>(
  run: Run<X, Y, O>,
  taking: Taking<X, Y, O>,
  name: "Fit" | "Epoch" | "Train" | "Validate" | "Batch",
  cancels: Cancel["phase"] | undefined,
  body: () => Promise<void>,
): Promise<void> {
  let failed = false;
  let failure: unknown;
  try {
    await emit(taking, `before${name}`, run);
    await body();
  } catch (error) {
    discard();
    failed = !(error instanceof Cancel && error.phase === cancels);
    failure = failed ? error : undefined;
    run.failure = failure;
  }
  if (name !== "Fit") {
    try {
      await emit(taking, `after${name}`, run);
    } catch (error) {
      // What went wrong first says more than what went wrong because of it.
      if (!failed) throw error;
    }
    if (failed) throw failure;
    return;
  }
  await emit(taking, "afterFit", run);
  if (run.failure !== undefined) throw run.failure;
}

async function emit<X, Y, O>(taking: Taking<X, Y, O>, event: EventName, run: Run<X, Y, O>): Promise<void> {
  for (const callback of taking) {
    const pending = callback[event]?.(run);
    if (pending) await pending;
  }
}
