import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "@fai/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accuracy, adam, type Callback, linear, type Run, sgd } from "../src/index.js";
import { cellsOf, loaders, netLearner } from "./points.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fit-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("fit", () => {
  it("3 cycles of length 1 and growth 2 are 7 epochs along SGDR, which restarts after each cycle", async () => {
    const learner = netLearner();
    const rows = await learner.fit(0.1, { cycles: 3, cycleLength: 1, cycleMult: 2 });
    expect(rows.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const { lrs, momenta } = learner.history;
    expect(lrs).toHaveLength(70);
    expect(momenta.every((momentum) => momentum === 0.9)).toBe(true);
    expect([lrs[0], lrs[10], lrs[30]]).toEqual([0.001, 0.1, 0.1]);
    expect(lrs[9]).toBeCloseTo(0.05 * (1 + Math.cos(0.9 * Math.PI)), 9);
    expect(learner.history.smoothed.at(-1)).toBe(rows.at(-1)!.trainLoss);
  });

  it("without cycleLength takes cycles as epochs at a constant rate", async () => {
    const learner = netLearner();
    expect(await learner.fit(0.1, { cycles: 2 })).toHaveLength(2);
    expect(new Set(learner.history.lrs)).toEqual(new Set([0.1]));
    expect(await learner.fit(0.1)).toHaveLength(1);
  });

  it("starts the optimizer anew unless it is to go on", async () => {
    const steps = async (learner: ReturnType<typeof netLearner>) =>
      (await learner.optimizer.state()).parameters[0]!.steps;
    const learner = netLearner({ optimizer: adam() });
    await learner.fit(0.01);
    await learner.fit(0.01);
    expect(await steps(learner)).toBe(10);
    await learner.fit(0.01, { keepOptimizer: true });
    expect(await steps(learner)).toBe(20);
  });

  it("takes metrics, triangles, and what makes a schedule from the run's size", async () => {
    const learner = netLearner({ metrics: {} });
    const [row] = await learner.fit(0.1, {
      metrics: { right: accuracy },
      cycleLength: 1,
      circular: { div: 10, momenta: [0.95, 0.85] },
    });
    expect(Object.keys(row!.metrics)).toEqual(["right"]);
    expect(learner.history.lrs[0]).toBeCloseTo(0.01, 9);
    expect(Math.min(...learner.history.momenta)).toBeCloseTo(0.85, 9);
    await learner.fit(0.1, { cycleLength: 1, circularBeta: true });
    expect(learner.history.lrs[0]).toBeCloseTo(0.01, 9);
    await learner.fit(0.1, { epochs: 2, schedule: ({ batches, epochs }) => ({ lr: (p) => p * batches * epochs }) });
    expect(learner.history.lrs.map((lr) => Math.round(lr))).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it.each([
    [{ epochs: 1, cycles: 1 }, "epochs and cycles are both given"],
    [{ cycles: 2, cycleMult: 2 }, "cycleMult needs cycleLength"],
    [{ circular: true }, "circular needs cycleLength"],
    [{ epochs: 2, cycleLength: 1 }, "epochs and cycleLength are both given"],
    [{ cycleLength: 0 }, "cycleLength is 0, expected a number above 0"],
    [{ cycles: 1.5 }, "cycles is 1.5, expected a whole number"],
    [{ cycleSave: "a" }, "cycleSave needs cycleLength"],
    [{ wd: -1 }, "wd is -1, expected a number of at least 0"],
  ] as const)("refuses %o", async (options, message) => {
    await expect(netLearner().fit(0.1, options)).rejects.toThrow(`[fit] ${message}`);
  });
});

describe("snapshots", () => {
  it("of each cycle and of the best epoch, for loadCycle and ensemble", async () => {
    const modelsDir = join(folder, "made", "models");
    const learner = netLearner({ modelsDir });
    const ends: Record<string, number[]>[] = [];
    const look: Callback = {
      afterEpoch: async (run) => void ([0, 2].includes(run.epoch) && ends.push(await cellsOf(run.learner.model))),
    };
    await learner.fit(0.1, {
      cycles: 2,
      cycleLength: 1,
      cycleMult: 2,
      cycleSave: "snap",
      bestSave: "best",
      callbacks: [look],
    });
    expect((await readdir(modelsDir)).sort()).toEqual([
      "best.safetensors",
      "snap_cyc_0.safetensors",
      "snap_cyc_1.safetensors",
    ]);
    const last = await cellsOf(learner.model);
    const single: Float32Array[] = [];
    for (const k of [0, 1]) {
      await learner.loadCycle("snap", k);
      expect(await cellsOf(learner.model)).toEqual(ends[k]);
      single.push((await learner.predictAll()).values);
    }
    const { values } = await learner.ensemble(["snap_cyc_0", "snap_cyc_1"]);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo((single[0]![i]! + single[1]![i]!) / 2, 6);
    });
    expect(await cellsOf(learner.model)).toEqual(last);
    await expect(learner.ensemble([])).rejects.toThrow("[ensemble] there are no members.");
  });
});

describe("the other fits", () => {
  it("fineTune trains the head, then all at half the rate and lower for the first groups", async () => {
    const learner = netLearner();
    const before = await cellsOf(learner.model);
    const seen: { step: number; lrs: number[] }[] = [];
    const look: Callback = {
      afterStep: async (run: Run) => {
        seen.push({ step: run.step, lrs: run.optimizer.groups.map(({ options }) => options.lr) });
        if (seen.length === 9) expect((await cellsOf(run.learner.model))["stem.weight"]).toEqual(before["stem.weight"]);
      },
    };
    expect(await learner.fineTune(2, { lr: 0.1, callbacks: [look] })).toHaveLength(3);
    const tops = (list: typeof seen) => list.reduce((a, b) => (b.lrs[2]! > a.lrs[2]! ? b : a)).lrs;
    expect(tops(seen.slice(0, 10)).map((lr) => lr / tops(seen.slice(0, 10))[2]!)).toEqual(
      [0.1, 0.1, 1].map((v) => expect.closeTo(v, 6)),
    );
    expect(tops(seen.slice(10))).toEqual([0.0005, 0.005, 0.05].map((v) => expect.closeTo(v, 6)));
    expect((await cellsOf(learner.model))["stem.weight"]).not.toEqual(before["stem.weight"]);
  });

  it("fitFlatCosine stays, then falls", async () => {
    const learner = netLearner();
    await learner.fitFlatCosine(0.1, { epochs: 2 });
    expect(new Set(learner.history.lrs.slice(0, 16))).toEqual(new Set([0.1]));
    expect(learner.history.lrs.at(-1)).toBeLessThan(0.03);
  });

  it("fitPhases changes rate, momentum and optimizer from phase to phase", async () => {
    const learner = netLearner();
    const kinds: string[] = [];
    const look: Callback = {
      beforeBatch: (run) => void (run.training && kinds.push("betas" in run.optimizer.options ? "adam" : "sgd")),
    };
    await learner.fitPhases(
      [
        { epochs: 1, lr: linear(0.01, 0.1), momentum: 0.8 },
        { epochs: 2, lr: 0.01, momentum: 0.7, optimizer: adam(), wd: 0.01 },
      ],
      { callbacks: [look] },
    );
    expect(kinds.join()).toBe([...Array(10).fill("sgd"), ...Array(20).fill("adam")].join());
    const { lrs, momenta } = learner.history;
    expect([lrs[0], lrs[5], lrs[10], lrs[29]]).toEqual([0.01, 0.055, 0.01, 0.01].map((v) => expect.closeTo(v, 9)));
    expect([momenta[0], momenta[29]]).toEqual([0.8, 0.7]);
  });
});

describe("the loop", () => {
  it("reports the loss without penalties, and follows it with them", async () => {
    const weights = (run: Run) => run.learner.model.parameters()[0]!.value;
    const train = async (callbacks: Callback[]) => {
      const learner = netLearner({ optimizer: sgd(), callbacks });
      await learner.fit(0.1);
      return { first: learner.history.losses[0], cells: await cellsOf(learner.model) };
    };
    const plain = await train([]);
    const penalized = await train([
      { afterLoss: (run) => void (run.training && run.addPenalty(weights(run).square().sum())) },
    ]);
    const decayed = await train([
      { afterBackward: (run) => void (run.gradients[0] = run.gradients[0]!.add(weights(run).mul(2))) },
    ]);
    expect(penalized.first).toBe(plain.first);
    penalized.cells["stem.weight"]!.forEach((value, i) => {
      expect(value).toBeCloseTo(decayed.cells["stem.weight"]![i]!, 5);
    });
    expect(penalized.cells).not.toEqual(plain.cells);
  });

  it("takes a last batch of one row where a batch norm has nothing to average", async () => {
    const learner = netLearner();
    learner.setData({
      train: {
        length: 1,
        async *[Symbol.asyncIterator]() {
          yield { x: tensor([[1, 2, 3, 4]]), y: tensor([1], { dtype: "i32" }), size: 1 };
        },
      },
    });
    await learner.fit(0.1);
    expect(learner.history.losses.every(Number.isFinite)).toBe(true);
  });

  it("goes on with other data, and prints a table of the layers", async () => {
    const learner = netLearner();
    await learner.fit(0.1);
    const other = loaders(4);
    learner.setData(other);
    learner.freeze();
    const table = await learner.summary();
    expect(other.train.epoch).toBe(0);
    expect(table.split("\n").map((line) => line.replace(/ {2,}/g, " | "))).toEqual([
      "layer | output | parameters | learns",
      expect.stringMatching(/^-+$/),
      "stem: Linear | [20, 8] | 40 | no",
      "body.0: BatchNorm1d | [20, 8] | 16 | no",
      "body.1: ReLU | [20, 8] | 0",
      "body.2: Linear | [20, 8] | 72 | no",
      "body.3: ReLU | [20, 8] | 0",
      "drop: Dropout | [20, 8] | 0",
      "head: Linear | [20, 2] | 18 | yes",
      "146 parameters, 18 of them learn",
    ]);
    await learner.fit(0.1);
    expect(learner.history.losses).toHaveLength(4);
  });

  it("replans nothing when rates change", async () => {
    const { planStatistics } = await import("@fai/tensor");
    const learner = netLearner({ optimizer: adam() });
    await learner.fitOneCycle({ from: 1e-4, to: 1e-2 });
    const { misses } = planStatistics();
    await learner.fitOneCycle({ from: 1e-3, to: 1e-1 }, { epochs: 2, wd: 0 });
    expect(planStatistics().misses - misses).toBeLessThanOrEqual(1);
  });
});
