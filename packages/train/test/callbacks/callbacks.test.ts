import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, type Tensor, tensor } from "@fai/tensor";
import { crossEntropy, Linear, mse } from "@fai/tensor/nn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { beta } from "../../src/callbacks/mixup.js";
import {
  accumulateGradients,
  activationStatistics,
  adam,
  averageWeights,
  type Callback,
  clipGradients,
  csvLog,
  DataLoader,
  earlyStopping,
  eventStream,
  gradientStatistics,
  Learner,
  labelSmoothing,
  mixup,
  profiler,
  type Run,
  type RunEvent,
  reduceOnPlateau,
  sgd,
  terminateOnNaN,
} from "../../src/index.js";
import { cellsOf, Net, netLearner, points } from "../points.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callbacks-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A validation loss of one's own choice, epoch by epoch. */
const pretend = (losses: readonly number[]): Callback => ({
  order: -90,
  afterEpoch: (run) => {
    Object.assign(run.history.rows[run.epoch]!, { validLoss: losses[run.epoch] });
  },
});

describe("watching epochs", () => {
  it("earlyStopping ends the run after epochs without a new best", async () => {
    const callbacks = [pretend([3, 2, 2.5, 1.9, 1.95, 2, 1]), earlyStopping({ patience: 2 })];
    expect(await netLearner({ callbacks }).fit(0.01, { epochs: 7 })).toHaveLength(6);
    const metric = [earlyStopping({ monitor: "nothing" })];
    await expect(netLearner({ callbacks: metric }).fit(0.01)).rejects.toThrow(
      "[monitor] there is no nothing to watch, only trainLoss, validLoss, accuracy.",
    );
  });

  it("reduceOnPlateau divides the rates of all groups", async () => {
    const callbacks = [pretend([3, 3, 1, 1, 1]), reduceOnPlateau({ factor: 4, minLr: 0.01 })];
    const learner = netLearner({ callbacks });
    await learner.fit([0.01, 0.1, 0.1], { epochs: 5 });
    const { lrs } = learner.history;
    expect([5, 15, 25, 35, 45].map((i) => lrs[i])).toEqual(
      [0.1, 0.1, 0.025, 0.025, 0.01].map((v) => expect.closeTo(v, 9)),
    );
    expect(learner.optimizer.groups[0]!.options.lr).toBeCloseTo(0.001, 9);
  });

  it("csvLog writes a header and a line an epoch", async () => {
    const path = join(folder, "made", "log.csv");
    const learner = netLearner();
    await learner.fit(0.1, { epochs: 2, callbacks: [csvLog(path)] });
    await learner.fit(0.1, { callbacks: [csvLog(path)] });
    const [header, ...lines] = (await readFile(path, "utf8")).trim().split("\n");
    expect(header).toBe("epoch,trainLoss,validLoss,accuracy,seconds");
    expect(lines.map((line) => line.split(",")[0])).toEqual(["1", "2", "1"]);
    expect(Number(lines[2]!.split(",")[2])).toBe(learner.history.rows[0]!.validLoss);
  });

  it("eventStream tells a page how it goes", async () => {
    const events: RunEvent[] = [];
    await netLearner().fit(0.1, {
      epochs: 2,
      callbacks: [eventStream((event) => events.push(event), { everyMilliseconds: 0 })],
    });
    expect(events[0]).toEqual({ type: "fit", epochs: 2, batches: 10 });
    expect(events.filter(({ type }) => type === "batch")).toHaveLength(20);
    expect(events.filter(({ type }) => type === "epoch")).toHaveLength(2);
    expect(events.at(-1)).toEqual({ type: "end", failure: undefined });
    expect(JSON.parse(JSON.stringify(events.at(-2)))).toMatchObject({ type: "epoch", row: { epoch: 2 } });
  });
});

describe("changing steps", () => {
  const firstGradients = async (...callbacks: Callback[]) => {
    let found: Float32Array[] = [];
    const look: Callback = {
      order: 80,
      afterBackward: async (run: Run) => {
        if (run.step === 0) found = await Promise.all(run.gradients.map((gradient) => gradient.data()));
      },
    };
    await netLearner({ callbacks: [...callbacks, look] }).fit(0.1);
    return found.flatMap((list) => [...list]);
  };

  it("clipGradients by norm and by value", async () => {
    const plain = await firstGradients();
    const norm = Math.hypot(...plain);
    const clipped = await firstGradients(clipGradients({ norm: norm / 2 }));
    expect(Math.hypot(...clipped)).toBeCloseTo(norm / 2, 4);
    const cut = await firstGradients(clipGradients({ value: 0.01 }));
    cut.forEach((value, i) => {
      expect(value).toBeCloseTo(Math.max(-0.01, Math.min(0.01, plain[i]!)), 6);
    });
    expect(() => clipGradients({})).toThrow("[clipGradients] give a norm or a value");
    expect(() => clipGradients({ norm: 0 })).toThrow("norm is 0, expected a number above 0");
  });

  it("accumulateGradients steps as one large batch would, ragged ends included", async () => {
    const train = async (batchSize: number, ...callbacks: Callback[]) => {
      const model = new Linear(4, 2);
      for (const cell of model.parameters())
        cell.load(tensor(new Float32Array(cell.value.size).fill(0.1), { shape: cell.shape }));
      const data = { train: new DataLoader(points(50, 3), { batchSize }) };
      const learner = new Learner(data, model, { loss: crossEntropy, optimizer: adam(), callbacks });
      await learner.fit(0.1, { epochs: 2 });
      return { cells: await cellsOf(model), steps: (await learner.optimizer.state()).parameters[0]!.steps };
    };
    const whole = await train(20);
    const parts = await train(10, accumulateGradients(2), clipGradients({ norm: 100 }));
    expect([whole.steps, parts.steps]).toEqual([6, 6]);
    whole.cells.weight!.forEach((value, i) => {
      expect(parts.cells.weight![i]).toBeCloseTo(value, 5);
    });
  });

  it("labelSmoothing smooths the training loss and leaves validation as it is", async () => {
    const learner = netLearner({ callbacks: [labelSmoothing(0.2)] });
    const plain = netLearner();
    const [row] = await learner.fit(0);
    const [other] = await plain.fit(0);
    expect(row!.validLoss).toBeCloseTo(other!.validLoss, 5);
    expect(row!.trainLoss).not.toBeCloseTo(other!.trainLoss, 3);
    const regression = new Learner({ train: new DataLoader(points(40, 1)) }, new Net(), {
      loss: mse,
      callbacks: [labelSmoothing()],
    });
    await expect(regression.fit(0.1)).rejects.toThrow("[labelSmoothing] the learner's loss is not crossEntropy");
  });

  it("mixup mixes each row's input and loss by a share of its own", async () => {
    const seen: { before: Tensor; x: Tensor; y: Tensor; logs: Float32Array; loss: number }[] = [];
    let before: Tensor;
    const callbacks: Callback[] = [
      { order: -41, beforeBatch: (run) => void (before = run.x) },
      mixup(),
      {
        afterLoss: async ({ training, x, y, output, loss }) => {
          if (training) seen.push({ before, x, y, logs: await output.logSoftmax(-1).data(), loss: await loss.item() });
        },
      },
    ];
    const learner = netLearner({ callbacks });
    await learner.fit(0.1, { epochs: 3 });
    expect(learner.history.rows.at(-1)!.metrics.accuracy).toBeGreaterThan(0.7);

    const [batch] = seen;
    const [own, mixed] = [await batch!.before.data(), await batch!.x.data()];
    const [rows, width] = batch!.before.shape as [number, number];
    const row = (data: ArrayLike<number>, i: number) => Array.from({ length: width }, (_, k) => data[i * width + k]!);
    // Every mixed row lies between its own and one other; where on the way is the row's lambda.
    const found = Array.from({ length: rows }, (_, i) => {
      const [from, to] = [row(own, i), row(mixed, i)];
      const ways = Array.from({ length: rows }, (_, j) => {
        const other = row(own, j);
        const steps = other.map((x, k) => (x - to[k]!) / (x - from[k]!));
        const share = steps[0]!;
        const fits =
          j === i ? from.every((x, k) => Math.abs(x - to[k]!) < 1e-5) : steps.every((s) => Math.abs(s - share) < 1e-3);
        return { j, share: j === i ? 1 : share, fits };
      });
      return ways.find(({ share, fits }) => fits && share >= 0.499 && share <= 1.001)!;
    });
    expect(found.every(Boolean)).toBe(true);
    const partners = found.filter(({ share }) => share < 0.99).map(({ j }) => j); // of the others anyone might be it
    expect(new Set(partners).size).toBe(partners.length);
    expect(partners.length).toBeGreaterThan(rows / 3);
    expect(new Set(found.map(({ share }) => share.toFixed(2))).size).toBeGreaterThan(rows / 4);
    const { logs } = batch!;
    const targets = await batch!.y.data();
    const classes = logs.length / rows;
    const cost = (i: number, j: number) => -logs[i * classes + targets[j]!]!;
    const expected =
      found.reduce((sum, { j, share }, i) => sum + share * cost(i, i) + (1 - share) * cost(i, j), 0) / rows;
    expect(batch!.loss).toBeCloseTo(expected, 3);
  });

  it("mixup refuses a loss that cannot be given row by row, and goes with labelSmoothing", async () => {
    const learner = netLearner({ callbacks: [mixup(), labelSmoothing()] });
    await learner.fit(0.1);
    expect(learner.history.losses.every(Number.isFinite)).toBe(true);
    const mean = new Learner({ train: new DataLoader(points(40, 1)) }, new Net(), {
      loss: (output, target) => crossEntropy(output, target),
      callbacks: [mixup()],
    });
    await expect(mean.fit(0.1)).rejects.toThrow("[mixup] the loss gives [] for 40 rows. Let it take");
  });

  it("mixup draws from Beta(alpha, alpha)", () => {
    const generator = new Generator(1);
    const drawn = Array.from({ length: 2000 }, () => beta(generator, 0.4));
    const mean = drawn.reduce((a, b) => a + b) / 2000;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / 2000).toBeCloseTo(0.25 / 1.8, 1); // a b / (a + b)^2 (a + b + 1)
  });
});

describe("averageWeights", () => {
  it("swa: the mean of the weights after each epoch from the start on, with statistics of its own", async () => {
    const ends: Record<string, number[]>[] = [];
    const keep: Callback = { afterTrain: async (run) => void ends.push(await cellsOf(run.learner.model)) };
    const averaging = averageWeights({ start: 2, evalEvery: 2 });
    const learner = netLearner({ callbacks: [keep, averaging] });
    await learner.fit(0.1, { epochs: 4 });
    const cells = await cellsOf(learner.model);
    cells["head.weight"]!.forEach((value, i) => {
      const mean = ends.slice(1).reduce((sum, end) => sum + end["head.weight"]![i]!, 0) / 3;
      expect(value).toBeCloseTo(mean, 6);
    });
    expect(cells["body.0.numBatchesTracked"]).toEqual([10]);
    expect(averaging.rows.map(({ epoch }) => epoch)).toEqual([2, 4]);
    expect((await learner.validate()).loss).toBeCloseTo(averaging.rows[1]!.loss, 5);
  });

  it("ema: a moving average over steps, which changes nothing in the run itself", async () => {
    const twin = netLearner({ optimizer: sgd() });
    await twin.fit(0.1, { epochs: 2 });
    const plain = twin.history.losses;
    let expected: number[] | undefined;
    const follow: Callback = {
      afterBatch: async (run) => {
        if (!run.training) return;
        const now = (await cellsOf(run.learner.model))["head.weight"]!;
        expected = expected ? expected.map((value, i) => value * 0.9 + now[i]! * 0.1) : now;
      },
    };
    const learner = netLearner({
      optimizer: sgd(),
      callbacks: [averageWeights({ kind: "ema", decay: 0.9, reestimate: false }), follow],
    });
    await learner.fit(0.1, { epochs: 2 });
    expect(learner.history.losses).toEqual(plain);
    const { "head.weight": last } = await cellsOf(learner.model);
    last!.forEach((value, i) => {
      expect(value).toBeCloseTo(expected![i]!, 5);
    });
  });
});

describe("looking inside", () => {
  it("activationStatistics and gradientStatistics measure layers within the step", async () => {
    const activations = activationStatistics({ every: 2, only: (name) => name !== "drop" });
    const gradients = gradientStatistics({ bins: 10 });
    const learner = netLearner({ callbacks: [activations, gradients] });
    let relu: Float32Array | undefined;
    const { hook } = await import("@fai/tensor/nn");
    const tap = hook(
      (learner.model as Net).body.at(1),
      (y) => void (relu ? 0 : (y as { data(): Promise<Float32Array> }).data().then((data) => (relu = data))),
    );
    await learner.fit(0);
    tap.remove();
    expect([...activations.statistics.keys()]).toEqual(["stem", "body.0", "body.1", "body.2", "body.3", "head"]);
    const { mean, std, nearZero, histogram } = activations.statistics.get("body.1")!;
    expect([mean.length, std.length, histogram.length]).toEqual([5, 5, 5]);
    expect(nearZero[0]).toBeCloseTo(relu!.filter((v) => Math.abs(v) < 0.05).length / relu!.length, 5);
    expect(mean[0]).toBeCloseTo(relu!.reduce((a, b) => a + b, 0) / relu!.length, 5);
    expect(histogram[0]!.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(gradients.statistics.get("head.weight")!.mean).toHaveLength(10);
    expect(gradients.statistics.get("head.weight")!.histogram[0]).toHaveLength(10);
    expect(await learner.fit(0)).toHaveLength(1);
    expect(activations.statistics.get("stem")!.mean).toHaveLength(10);
  });

  it("profiler says where a step's time goes", async () => {
    const profile = profiler();
    await netLearner({ callbacks: [profile] }).fit(0.1);
    expect(profile.steps).toBe(10);
    expect(profile.total.device).toBeGreaterThan(0);
    expect(profile.report()).toMatch(/mean of 10 training steps\ndata +\d+\.\d{3} ms +\d+\.\d %\nforward/);
  });

  it("terminateOnNaN ends the run with advice, and keeps the last whole step", async () => {
    let advice = "";
    const spoil: Callback = {
      beforeBatch: (run) => void (run.training && run.step === 6 && (run.x = run.x.mul(Number.NaN))),
    };
    const learner = netLearner({ callbacks: [spoil, terminateOnNaN({ onStop: (text) => void (advice = text) })] });
    expect(await learner.fit(0.1)).toEqual([]);
    expect(advice).toMatch(
      /^Stopped in epoch 1, batch 7: the training loss is not finite after losses of .*, at a learning rate of 0\.100\./,
    );
    expect(advice).toMatch(/First look for NaN .* in the data/);
    expect(learner.history.losses).toHaveLength(6);
    for (const values of Object.values(await cellsOf(learner.model))) expect(values.every(Number.isFinite)).toBe(true);
    const other: Callback = {
      afterLoss: () => {
        throw new Error("another fault");
      },
    };
    await expect(netLearner({ callbacks: [other, terminateOnNaN()] }).fit(0.1)).rejects.toThrow("another fault");
  });
});
