import { leaf, State, TensorError } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import type { Callback } from "../callback.js";
import { type Measured, measure } from "../loop.js";
import { reestimateBatchNorms } from "../reestimateBatchNorms.js";
import { Run } from "../run.js";
import { rememberChance } from "../schedules/lrFinder.js";
import { takeSnapshot } from "../snapshot.js";

/** Options of `averageWeights`. */
export interface AverageWeightsOptions {
  /** "swa": the plain mean of the weights after each epoch (Izmailov et al., 2018); "ema": a moving average over steps ("swa"). */
  kind?: "swa" | "ema";
  /** The first epoch that counts, 1 for the first (1). */
  start?: number;
  /** What the moving average keeps from step to step (0.999). */
  decay?: number;
  /** The average is measured on the validation set every so many epochs from `start` on, and after the last (5). */
  evalEvery?: number;
  /** Whether batch norms get statistics for the average from a pass over the training set (true). */
  reestimate?: boolean;
}

/** A callback that averages weights. */
export interface AverageWeights extends Callback {
  /** What the average reached, where it was measured. */
  readonly rows: (Measured & { readonly epoch: number })[];
}

/** Averages the weights along the run; at its end the model has the average, and batch norms the statistics that belong to it. */
export function averageWeights(options: AverageWeightsOptions = {}): AverageWeights {
  const { kind = "swa", start = 1, decay = 0.999, evalEvery = 5, reestimate = true } = options;
  if (!(decay >= 0 && decay < 1)) throw new TensorError("averageWeights", `decay is ${decay}, expected 0 to below 1.`);
  const rows: AverageWeights["rows"] = [];
  let averages: State[] = [];
  let count = 0;

  /** Puts the average into the model. */
  const apply = async (run: Run): Promise<void> => {
    const parameters = run.learner.model.parameters();
    const values = await Promise.all(averages.map((cell) => cell.committed.data()));
    parameters.forEach((parameter, i) => {
      parameter.load(leaf(values[i]!, parameter.shape, parameter.dtype));
    });
    if (!reestimate) return;
    const restoreChance = rememberChance([run.data.train]);
    await reestimateBatchNorms(run.learner.model as Module<unknown, unknown>, run.data.train);
    restoreChance();
  };

  const evaluate = async (run: Run): Promise<void> => {
    const { valid } = run.data;
    if (!valid) return;
    const restore = await takeSnapshot(run.learner.model);
    const restoreChance = rememberChance([valid]);
    const { data, metrics, learner, optimizer } = run;
    try {
      await apply(run);
      const measuring = new Run(learner, optimizer, { epochs: 0, batches: 0, data, metrics, loss: learner.loss });
      rows.push({ epoch: run.epoch + 1, ...(await measure(measuring, [], valid)) });
    } finally {
      restore();
      restoreChance();
    }
  };

  return {
    order: 50,
    name: "averageWeights",
    rows,
    beforeFit: async (run) => {
      rows.length = 0;
      count = 0;
      const parameters = run.learner.model.parameters();
      const values = await Promise.all(parameters.map((parameter) => parameter.committed.data()));
      averages = parameters.map(
        ({ name, shape, dtype }, i) => new State(leaf(values[i]!, shape, dtype), `mean of ${name}`),
      );
    },
    afterStep: (run) => {
      if (kind !== "ema" || !run.willStep || run.epoch + 1 < start) return;
      count++;
      run.learner.model.parameters().forEach((parameter, i) => {
        const cell = averages[i]!;
        cell.set(count === 1 ? parameter.value : cell.value.lerp(parameter.value, 1 - decay));
      });
    },
    afterTrain: async (run) => {
      if (kind !== "swa" || run.epoch + 1 < start) return;
      count++;
      run.learner.model.parameters().forEach((parameter, i) => {
        const cell = averages[i]!;
        cell.set(cell.value.add(parameter.value.sub(cell.value).div(count)));
      });
      await Promise.all(averages.map((cell) => cell.value.data()));
    },
    afterEpoch: async (run) => {
      const since = run.epoch + 1 - start;
      const isLast = run.epoch + 1 === run.epochs;
      if (count > 0 && since >= 0 && (since % evalEvery === 0 || isLast)) await evaluate(run);
    },
    afterFit: async (run) => {
      if (count > 0 && run.failure === undefined) await apply(run);
    },
    state: () => ({ count, rows }),
    loadState: (state: { count: number; rows: AverageWeights["rows"] }) => {
      count = state.count;
      rows.splice(0, rows.length, ...state.rows);
    },
    cells: () => Object.fromEntries(averages.map((cell, i) => [String(i), cell])),
  };
}
