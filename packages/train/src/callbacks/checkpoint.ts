import { type Cell, leaf, type RandomState, randomState, setRandomState, type Tensor, TensorError } from "@fai/tensor";
import { hasFile, readTensors, removeUnfinished, writeTensors } from "#storage";
import type { Callback } from "../callback.js";
import type { ParameterState } from "../optim/stepMemory.js";
import type { History, Run } from "../run.js";

/** Options of `checkpoint`. */
export interface CheckpointOptions {
  /** Training steps from one writing to the next (100). */
  every?: number;
  /** Whether a run goes on where the file stands (true); else it starts over and overwrites the file. */
  resume?: boolean;
}

/** Where the data stood: what the run had consumed, not what the loader had prepared. */
interface LoaderState {
  epoch: number | undefined;
  seed: number | undefined;
}

/** What the file says beside its tensors. */
interface Saved {
  version: 1;
  /** What has to be the same when the run goes on. */
  fit: { epochs: number; batches: number; cells: string[] };
  finished: boolean;
  position: { epoch: number; batch: number; step: number };
  loaders: { train: LoaderState; valid: LoaderState };
  random: RandomState;
  smoothed: readonly [number, number];
  history: History;
  optimizer: { parameters: Omit<ParameterState, "cells">[]; groups?: Record<string, unknown>[] };
  callbacks: Record<string, unknown>;
}

/**
 * Writes everything that a run needs to go on (weights, states, optimizer, random numbers, the position in the data, what
 * callbacks remember) to one file every so many steps, and lets a run with the same file go on from it: stopped at any moment,
 * even in the middle of writing, it ends with the same bits as one that was never stopped. Each fit has a file of its own; the
 * program that resumes builds data, model and callbacks as the first one did.
 */
export function checkpoint(path: string, { every = 100, resume = true }: CheckpointOptions = {}): Callback {
  if (!(Number.isInteger(every) && every >= 1)) {
    throw new TensorError("checkpoint", `every is ${every}, expected a whole number of at least 1.`);
  }
  return {
    order: 1e4, // after all others have started, and after they saw the batch
    beforeFit: async (run) => {
      await removeUnfinished(path);
      if (resume && hasFile(path)) await restore(run, path);
    },
    afterBatch: async (run) => {
      // A batch that failed is not done: it is to come again.
      if (!run.training || run.failure !== undefined || (run.step + 1) % every !== 0) return;
      await run.settle();
      await write(run, path, { epoch: run.epoch, batch: run.batch + 1, step: run.step + 1 }, false);
    },
    afterFit: async (run) => {
      if (run.failure !== undefined) return;
      await write(run, path, { epoch: run.epochs, batch: 0, step: run.step }, true);
    },
  };
}

async function write(run: Run, path: string, position: Saved["position"], finished: boolean): Promise<void> {
  const tensors = new Map<string, Tensor>();
  const cells = namedCells(run);
  // Everything is asked for before the first wait, so that it is of one step.
  const random = randomState();
  const callbacks = Object.fromEntries(withState(run).map(([key, callback]) => [key, callback.state?.()]));
  const { train, valid } = run.data;
  // The loader counts an epoch when it begins; the one under way is to be begun again.
  const loaders = {
    train: { epoch: train.epoch === undefined ? undefined : train.epoch - (finished ? 0 : 1), seed: train.seed },
    valid: { epoch: valid?.epoch, seed: valid?.seed },
  };
  const reads = cells.map(
    async ([name, { committed, shape, dtype }]) => [name, leaf(await committed.data(), shape, dtype)] as const,
  );
  const optimizer = run.optimizer.state();
  for (const [name, tensor] of await Promise.all(reads)) tensors.set(name, tensor);
  const { parameters, groups } = await optimizer;
  parameters.forEach((state, i) => {
    for (const [cell, data] of Object.entries(state.cells))
      tensors.set(`optimizer.${i}.${cell}`, leaf(data, [data.length], "f32"));
  });
  const saved: Saved = {
    version: 1,
    fit: fingerprint(run),
    finished,
    position,
    loaders,
    random,
    smoothed: run.smoothed.state,
    history: run.history,
    optimizer: { parameters: parameters.map(({ name, steps }) => ({ name, steps })), ...(groups && { groups }) },
    callbacks,
  };
  await writeTensors(path, tensors, { fai: JSON.stringify(saved, spellOut) });
}

async function restore(run: Run, path: string): Promise<void> {
  const { tensors, metadata } = await readTensors(path);
  if (!metadata.fai) throw new TensorError("checkpoint", `${path} is no checkpoint of a run.`);
  const saved = JSON.parse(metadata.fai, readBack) as Saved;
  const [was, is] = [JSON.stringify(saved.fit), JSON.stringify(fingerprint(run))];
  if (was !== is) {
    throw new TensorError(
      "checkpoint",
      `${path} is of another run: ${was.slice(0, 120)}, this one is ${is.slice(0, 120)}. Give each fit a file of its own, or { resume: false }.`,
    );
  }
  for (const [key, callback] of withState(run)) {
    const state = saved.callbacks[key];
    if (state !== undefined) callback.loadState?.(state as never, run);
  }
  for (const [name, cell] of namedCells(run)) {
    const tensor = tensors.get(name);
    if (!tensor) throw new TensorError("checkpoint", `${path} has no ${name}. Was it written with other callbacks?`);
    cell.load(leaf((await tensor.data<typeof cell.dtype>()).slice(), cell.shape, cell.dtype));
  }
  const { parameters, groups } = saved.optimizer;
  const states = await Promise.all(
    parameters.map(async (state, i) => ({ ...state, cells: await cellsOf(tensors, `optimizer.${i}.`) })),
  );
  run.optimizer.load({ parameters: states, ...(groups && { groups }) });
  run.epoch = saved.position.epoch;
  run.step = saved.position.step;
  run.skipBatches = saved.position.batch;
  run.smoothed.state = saved.smoothed;
  run.trainLoss = run.smoothed.value;
  for (const key of ["losses", "smoothed", "lrs", "momenta", "rows"] as const) {
    (run.history[key] as unknown[]).splice(0, Number.POSITIVE_INFINITY, ...saved.history[key]);
  }
  for (const name of ["train", "valid"] as const) {
    const loader = run.data[name];
    const { epoch, seed } = saved.loaders[name];
    if (loader && epoch !== undefined) loader.epoch = epoch;
    if (loader && seed !== undefined) loader.seed = seed;
  }
  setRandomState(saved.random);
}

async function cellsOf(tensors: ReadonlyMap<string, Tensor>, prefix: string): Promise<Record<string, Float32Array>> {
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  const read = own.map(async ([name, tensor]) => [name.slice(prefix.length), await tensor.data()] as const);
  return Object.fromEntries(await Promise.all(read));
}

/** The model's cells, also those that weights files leave out, and those of callbacks. */
function namedCells(run: Run): [string, Cell][] {
  const own = run.learner.model.namedCells().map(([name, cell]): [string, Cell] => [`model.${name}`, cell]);
  const others = run.callbacks.flatMap((callback, i) =>
    Object.entries(callback.cells?.() ?? {}).map(([name, cell]): [string, Cell] => [
      `callback.${keyOf(callback, i)}.${name}`,
      cell,
    ]),
  );
  return [...own, ...others];
}

function withState(run: Run): [string, Callback][] {
  return run.callbacks
    .map((callback, i): [string, Callback] => [keyOf(callback, i), callback])
    .filter(([, { state }]) => state !== undefined);
}

function keyOf({ name = "" }: Callback, i: number): string {
  return `${i} ${name}`;
}

function fingerprint(run: Run): Saved["fit"] {
  const cells = run.learner.model.namedCells().map(([name, { shape }]) => `${name} [${shape.join()}]`);
  return { epochs: run.epochs, batches: run.batches, cells };
}

/** JSON has no NaN and no infinities. */
function spellOut(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { notFinite: String(value) } : value;
}

function readBack(_key: string, value: unknown): unknown {
  const { notFinite } = (value ?? {}) as { notFinite?: string };
  return notFinite === undefined ? value : Number(notFinite);
}
