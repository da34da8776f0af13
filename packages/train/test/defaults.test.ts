import { full, Parameter, tensor } from "@fai/tensor";
import { crossEntropy, Linear } from "@fai/tensor/nn";
import { describe, expect, test } from "vitest";
import {
  adam,
  averageWeights,
  type Callback,
  circular,
  circularBeta,
  DataLoader,
  getCvIdxs,
  Learner,
  labelSmoothing,
  mixedPrecision,
  oneCycle,
  type Run,
  sgd,
  sgdr,
} from "../src/index.js";
import { finderPlan } from "../src/schedules/lrFinder.js";
import { phaseSchedule } from "../src/schedules/phases.js";
import { cellsOf, Net, netLearner, points } from "./points.js";

const parameters = () => [new Parameter(tensor([1, 2]), "p")];
const bare = () => new Learner({ train: new DataLoader(points(40, 1)) }, new Net(), { loss: crossEntropy });

/** One row for each default of fastai 0.7 that concerns training, in the words of its source. */
describe("fastai 0.7", () => {
  test("Learner default optimizer: SGD with momentum 0.9, no weight decay", () => {
    expect(bare().optimizer.options).toMatchObject({ momentum: 0.9, dampening: 0, nesterov: false, weightDecay: 0 });
  });

  test("Adam: betas 0.9 and 0.999, epsilon 1e-8", () => {
    expect(adam()(parameters()).options).toMatchObject({ betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 });
  });

  test("wds: L2 through the gradient; use_wd_sched: p *= 1 - lr * wd before the step", async () => {
    expect([sgd, adam].map((make) => make()(parameters()).options.decoupled)).toEqual([false, false]);
    const [p] = parameters();
    const optimizer = sgd({ lr: 0.1, weightDecay: 0.5, decoupled: true })([p!]);
    optimizer.step([tensor([1, 1])]);
    expect([...(await p!.value.data())]).toEqual([1, 2].map((v) => expect.closeTo(v * (1 - 0.1 * 0.5) - 0.1, 6)));
  });

  test("every fit starts the optimizer anew", async () => {
    const learner = netLearner();
    await learner.fit(0.1);
    const { optimizer } = learner;
    await learner.fit(0.1);
    expect(learner.optimizer).not.toBe(optimizer);
  });

  test("printed training loss: average of 0.98, debiased by 1 - 0.98^n; validation weighted by batch size", async () => {
    const learner = netLearner();
    const [row] = await learner.fit(0.05);
    const { losses } = learner.history;
    const average = losses.reduce((mean, loss) => mean * 0.98 + loss * 0.02, 0);
    expect(row!.trainLoss).toBeCloseTo(average / (1 - 0.98 ** losses.length), 9);
    const { values, targets } = await learner.predictAll(); // batches of 16, 16 and 8
    const labels = (await Promise.all(targets.map((t) => t.data<"i32">()))).flatMap((t) => [...t]);
    const sum = labels.reduce((total, label, i) => total - Math.log(values[2 * i + label]!), 0);
    expect(row!.validLoss).toBeCloseTo(sum / 40, 4);
  });

  test("lr_find: 1e-5 to 10 over an epoch, by equal factors, until 4 times the best", () => {
    expect(finderPlan(391, {})).toEqual({ start: 1e-5, end: 10, steps: 391, linear: false, stopAt: 4 });
  });

  test("lr_find2: 100 steps, the same range", () => {
    expect(finderPlan(7, {})).toEqual({ start: 1e-5, end: 10, steps: 100, linear: false, stopAt: 4 });
  });

  test("lr_find's plot leaves out 10 steps at the start and 6 at the end", async () => {
    const { lr, plot } = await netLearner().lrFind({ end: 1e-2 });
    expect(plot.lr).toEqual(lr.slice(10, -6));
  });

  test("lr_find wants the best loss only after iteration 10", async () => {
    const lucky: Callback = {
      inLrFind: true,
      afterLoss: (run: Run) => void (run.training && run.step < 1 && (run.loss = run.loss.mul(0.1))),
    };
    const { lr } = await netLearner({ callbacks: [lucky] }).lrFind({ end: 1e-4 });
    expect(lr).toHaveLength(100); // by the very first loss it would stop at the second
  });

  test("SGDR: the first twentieth of the first cycle at lr / 100, cycle_mult 1", () => {
    const { lr } = sgdr(1, { batches: 100, cycles: 2 });
    expect([0, 4, 5, 100, 104].map((i) => lr(i / 200))).toEqual(
      [0.01, 0.01, 0.5 * (1 + Math.cos(0.05 * Math.PI)), 1, 0.5 * (1 + Math.cos(0.04 * Math.PI))].map((v) =>
        expect.closeTo(v, 9),
      ),
    );
  });

  test("use_clr: div 4, cut_div 8", () => {
    const { lr, momentum } = circular(1, { batches: 80 });
    expect([0, 10, 45].map((i) => lr(i / 80))).toEqual([0.25, 1, 0.625].map((v) => expect.closeTo(v, 9)));
    expect(momentum).toBeUndefined();
  });

  test("use_clr_beta: div 10, pct 10, tail to a hundredth", () => {
    const { lr } = circularBeta(1, { batches: 100 });
    expect([0, 45, 90, 99].map((i) => lr(i / 100))).toEqual(
      [0.1, 1, 0.1, 0.1 * (1 - 0.99 * 0.9)].map((v) => expect.closeTo(v, 9)),
    );
  });

  test("TrainingPhase: 1 epoch, lr 0.01, momentum 0.9, no decay", () => {
    const { epochs, lr, momentum } = phaseSchedule([{}]);
    expect([epochs, lr(0), lr(0.9), momentum!(0.5)]).toEqual([1, 0.01, 0.01, 0.9]);
  });

  test("batch norms of frozen layers run in inference mode", async () => {
    const learner = netLearner();
    learner.freeze();
    const before = await cellsOf(learner.model);
    let modes: boolean[] = [];
    const look: Callback = {
      afterPredict: (run) => {
        if (run.training) modes = learner.model.modules().map(({ training }) => training);
      },
    };
    await learner.fit(0.1, { callbacks: [look] });
    const names = learner.model.namedModules().map(([name]) => name);
    expect(names.filter((_, i) => !modes[i])).toEqual(["body.0"]);
    expect((await cellsOf(learner.model))["body.0.runningMean"]).toEqual(before["body.0.runningMean"]);
  });

  test("batches of 64, and no drop_last", () => {
    const loader = new DataLoader(points(100, 1));
    expect([loader.batchSize, loader.dropLast, loader.length]).toEqual([64, false, 2]);
  });

  test("get_cv_idxs: np.random.seed(42), permutation, the first fifth", () => {
    expect([...getCvIdxs(10)]).toEqual([8, 1]);
    expect([...getCvIdxs(25)]).toEqual([8, 16, 0, 23, 11]);
    expect([...getCvIdxs(1000).subarray(0, 5)]).toEqual([521, 737, 740, 660, 411]);
    expect([...getCvIdxs(10, { part: 1 })]).toEqual([5, 0]);
    expect(getCvIdxs(1)).toHaveLength(0);
  });

  test("SWA: from the first epoch on, measured every 5, batch norms over a whole pass", async () => {
    const averaging = averageWeights();
    const learner = netLearner({ callbacks: [averaging] }, 3);
    await learner.fit(0.05, { epochs: 7 });
    expect(averaging.rows.map(({ epoch }) => epoch)).toEqual([1, 6, 7]);
    expect((await cellsOf(learner.model))["body.0.numBatchesTracked"]).toEqual([3]);
  });

  test("half(): a fixed loss scale, 1 unless another is given", async () => {
    const fixed = mixedPrecision({ dynamic: false });
    await netLearner().fit(0.1, { callbacks: [fixed] });
    expect(await fixed.status()).toEqual({ lossScale: 1, skipped: 0 });
  });

  test("models are kept in models, what is computed in tmp", () => {
    expect([bare().modelsDir, bare().cacheDir]).toEqual(["models", "tmp"]);
  });
});

describe("fastai v2, where 0.7 has nothing", () => {
  test("one cycle: div 25, divFinal 1e5, a quarter up, momenta 0.95, 0.85, 0.95", () => {
    const { lr, momentum } = oneCycle(1);
    expect([0, 0.25, 1].map(lr)).toEqual([0.04, 1, 1e-5].map((v) => expect.closeTo(v, 9)));
    expect([0, 0.25, 1].map(momentum!)).toEqual([0.95, 0.85, 0.95].map((v) => expect.closeTo(v, 9)));
  });

  test("to_non_native_fp16: a dynamic loss scale from 2^24, divided by 2, multiplied again after 500 steps", async () => {
    const scales: number[] = [];
    const mixed = mixedPrecision();
    const look: Callback = { afterBatch: async () => void scales.push((await mixed.status()).lossScale) };
    const broken: Callback = {
      order: -45,
      afterBackward: (run: Run) => {
        run.gradients = run.gradients.map(({ shape }) => full(shape, run.step === 1 ? Number.NaN : 0));
      },
    };
    const train = new DataLoader(points(502, 1), { batchSize: 1 });
    const learner = new Learner({ train }, new Linear(4, 2), { loss: crossEntropy });
    await learner.fit(0.1, { callbacks: [mixed, broken, look] });
    expect([0, 1, 2, 500, 501].map((step) => scales[step])).toEqual([24, 23, 23, 23, 24].map((power) => 2 ** power));
  });

  test("fine_tune: 2e-3 with one epoch frozen and almost all of it rising, then half, a hundredth for the first group, div 5", async () => {
    const learner = netLearner();
    const seen: number[][] = [];
    const look: Callback = {
      afterStep: (run) => void seen.push(run.optimizer.groups.map(({ options }) => options.lr)),
    };
    await learner.fineTune(1, { callbacks: [look] });
    expect(seen[0]![2]).toBeCloseTo(2e-3 / 25, 9);
    expect(Math.max(...seen.slice(0, 10).map(([, , lr]) => lr!))).toBe(seen[9]![2]);
    expect(seen[10]).toEqual([1e-5 / 5, 1e-4 / 5, 1e-3 / 5].map((v) => expect.closeTo(v, 12)));
    expect(seen[13]![2]).toBeCloseTo(1e-3, 9); // the peak, after 0.3 of the run
  });

  test("label smoothing: 0.1 / classes * sum of -log p + 0.9 * nll", async () => {
    const run = { lossFunction: crossEntropy } as unknown as Run;
    await labelSmoothing().beforeFit!(run as never);
    const logs = [0.7, 0.2, 0.1].map(Math.log);
    const loss = (run.lossFunction as unknown as typeof crossEntropy)(tensor([logs]), tensor([0], { dtype: "i32" }));
    const expected = (0.1 / 3) * -logs.reduce((a, b) => a + b) + 0.9 * -logs[0]!;
    expect(await loss.item()).toBeCloseTo(expected, 5);
  });
});
