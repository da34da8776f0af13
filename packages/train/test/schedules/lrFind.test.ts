import { manualSeed, randomState, tensor } from "@fai/tensor";
import { crossEntropy } from "@fai/tensor/nn";
import { describe, expect, it } from "vitest";
import { adam, DataLoader, Learner } from "../../src/index.js";
import { suggestRates } from "../../src/schedules/suggestRate.js";
import { cellsOf, Net, netLearner, points } from "../points.js";

describe("lrFind", () => {
  it("leaves weights, states, optimizer, random numbers, loaders and history bit-identical", async () => {
    const learner = netLearner({ optimizer: adam() });
    await learner.fit(0.01, { epochs: 2 });
    const look = async () => ({
      cells: await cellsOf(learner.model),
      optimizer: await learner.optimizer.state(),
      random: randomState(),
      epoch: (learner.data.train as { epoch?: number }).epoch,
      history: learner.history,
      modes: learner.model.modules().map(({ training }) => training),
    });
    const before = await look();
    const { optimizer } = learner;
    await learner.lrFind();
    expect(await look()).toEqual(before);
    expect(learner.optimizer).toBe(optimizer);
    await learner.fit(0.01, { keepOptimizer: true });
    const twin = netLearner({ optimizer: adam() });
    await twin.fit(0.01, { epochs: 2 });
    await twin.fit(0.01, { keepOptimizer: true });
    expect(await cellsOf(learner.model)).toEqual(await cellsOf(twin.model));
  });

  it("takes 100 steps on tiny data, from 1e-5 to 10, and shows the fall and the blow-up", async () => {
    const learner = netLearner();
    const { lr, loss, plot, suggestions } = await learner.lrFind({ end: 1e4 });
    expect(lr[0]).toBeCloseTo(1e-5, 12);
    expect(lr[1]! / lr[0]!).toBeCloseTo(1e9 ** 0.01, 9);
    expect(lr.length).toBeGreaterThan(50);
    const lowest = Math.min(...loss);
    expect(lowest).toBeLessThan(0.9 * loss[0]!);
    expect(loss.at(-1)).toBeGreaterThan(2 * lowest);
    expect(plot.lr[0]).toBe(lr[Math.min(10, Math.floor(lr.length / 10))]);
    for (const rate of Object.values(suggestions)) expect(rate).toBeGreaterThan(1e-5);
    for (const rate of Object.values(suggestions)) expect(rate).toBeLessThan(lr[loss.indexOf(lowest)]! * 1.001);
    const all = await learner.lrFind();
    expect(all.lr.length).toBeLessThanOrEqual(100);
    expect(all.lr.at(-1)! / all.lr.at(-2)!).toBeCloseTo(1e6 ** 0.01, 9);
  });

  it("runs over an epoch where there are batches enough, linear when asked", async () => {
    manualSeed(1);
    const train = new DataLoader(points(240, 1), { batchSize: 2 });
    const learner = new Learner({ train }, new Net(), { loss: crossEntropy });
    const { lr } = await learner.lrFind({ start: 1e-3, end: 0.121, linear: true });
    expect(lr).toHaveLength(120);
    expect(lr.slice(0, 3)).toEqual([1e-3, 2e-3, 3e-3].map((v) => expect.closeTo(v, 9)));
    expect((await learner.lrFind({ steps: 3 })).lr).toHaveLength(3);
  });

  it("keeps the groups' proportions, and stops at a loss that is not finite", async () => {
    const learner = netLearner();
    await learner.fit([0.001, 0.01, 0.1]);
    const found = await learner.lrFind({ steps: 20, end: 1e30 });
    expect(found.lr.length).toBeLessThanOrEqual(20);
    expect(found.loss.every(Number.isFinite)).toBe(true);
    expect(found.suggestions.valley).toBeGreaterThan(0);
    const x = tensor([[Number.NaN, 0, 0, 0]]);
    learner.setData({
      train: {
        length: 1,
        async *[Symbol.asyncIterator]() {
          yield { x, y: tensor([1], { dtype: "i32" }), size: 1 };
        },
      },
    });
    await expect(learner.lrFind()).rejects.toThrow(
      "[lrFind] the loss was not finite after 0 steps. Is the input normalized, and finite?",
    );
    await expect(learner.lrFind({ start: 0 })).rejects.toThrow("[lrFind] rates from 0 to 10");
  });
});

describe("suggestions", () => {
  it("on a loss that falls, flattens and rises", () => {
    const lr = Array.from({ length: 9 }, (_, i) => 10 ** (i - 6));
    const loss = [1, 0.99, 0.9, 0.6, 0.5, 0.45, 0.5, 2, 9];
    expect(suggestRates(lr, loss)).toEqual({ valley: lr[2], steepest: lr[2], tenthOfMinimum: lr[5]! / 10 });
  });

  it("never run out of points", () => {
    expect(suggestRates([0.1], [1])).toEqual({ valley: 0.1, steepest: 0.1, tenthOfMinimum: 0.01 });
    expect(suggestRates([0.1, 1], [1, 2]).valley).toBe(0.1);
  });
});
