import { Parameter, tensor } from "@fai/tensor";
import { Linear, ReLU, Sequential } from "@fai/tensor/nn";
import { describe, expect, it } from "vitest";
import { groupParameters, groupRates, layerGroups } from "../src/groups.js";
import { adam } from "../src/optim/adam.js";
import { sgd } from "../src/optim/sgd.js";
import { cellsOf, Net, netLearner } from "./points.js";

const runningStatistics = (cells: Record<string, number[]>) =>
  Object.entries(cells).filter(([name]) => /running|numBatches/.test(name));

describe("layer groups", () => {
  it("are a Sequential's children, those a model names, or those that are given", () => {
    const model = new Sequential(new Linear(2, 3), new ReLU(), new Linear(3, 1));
    expect(layerGroups(model)).toHaveLength(3);
    expect(groupParameters(model, layerGroups(model)).map((list) => list.length)).toEqual([2, 0, 2]);
    expect(layerGroups(new Linear(2, 2))).toHaveLength(1);
    expect(layerGroups(new Net())).toHaveLength(3);
    expect(layerGroups(model, [[model.at(0)], [model.at(2)]])).toHaveLength(2);
  });

  it("hold every parameter once, tied ones in the first group", () => {
    const shared = new Linear(2, 2);
    const model = new Sequential(shared, new ReLU(), shared);
    expect(groupParameters(model, layerGroups(model)).map((list) => list.length)).toEqual([2, 0, 0]);
    const net = new Net();
    expect(() => groupParameters(net, [[net.stem], [net.head]])).toThrow(
      "[layerGroups] body.0.weight is in none of the 2 layer groups.",
    );
  });

  it("take a rate each, or a range spread by equal factors", () => {
    expect(groupRates("fit", 0.1, 3)).toEqual([0.1, 0.1, 0.1]);
    expect(groupRates("fit", [1, 2, 3], 3)).toEqual([1, 2, 3]);
    const spread = groupRates("fit", { from: 1e-4, to: 1e-2 }, 3);
    expect(spread[1]).toBeCloseTo(1e-3, 12);
    expect([spread[0], spread[2]]).toEqual([1e-4, 1e-2]);
    expect(groupRates("fit", { to: 1e-2 }, 3)).toEqual([1e-3, 1e-3, 1e-2]);
  });

  it("refuse a list of another length, naming both counts", async () => {
    const learner = netLearner();
    await expect(learner.fit([1e-3, 1e-2])).rejects.toThrow(
      "[fit] 2 learning rates for 3 layer groups. Give one, or one a group.",
    );
    await expect(learner.fit(0.1, { wd: [0, 0] })).rejects.toThrow("[fit] 2 weight decays for 3 layer groups.");
    expect(() => learner.freezeTo(4)).toThrow("[freezeTo] there is no layer group 4 among 3.");
    expect(() => sgd()([[new Parameter(tensor([1]))], []]).setRates([1])).toThrow("[setRates] 1 rates for 2 groups");
  });
});

describe("rates and weight decay of groups", () => {
  it("move each group by its own rate, and keep their proportion along a schedule", async () => {
    const learner = netLearner({ optimizer: sgd() });
    const before = await cellsOf(learner.model);
    await learner.fit([0, 0, 0.1]);
    const after = await cellsOf(learner.model);
    expect(after["stem.weight"]).toEqual(before["stem.weight"]);
    expect(after["body.2.weight"]).toEqual(before["body.2.weight"]);
    expect(after["head.weight"]).not.toEqual(before["head.weight"]);
    const seen: number[][] = [];
    await learner.fitOneCycle(
      { from: 1e-3, to: 1e-1 },
      { callbacks: [{ beforeBatch: (run) => void seen.push(run.optimizer.groups.map(({ options }) => options.lr)) }] },
    );
    expect(learner.history.lrs[0]).toBeCloseTo(0.1 / 25, 9);
    for (const [first, , last] of seen.slice(0, 10)) expect(last! / first!).toBeCloseTo(100, 6);
  });

  it("decay each group by its own share, norms and biases only when asked", async () => {
    const ones = () => [new Parameter(tensor([[1, 1]])), new Parameter(tensor([1]))];
    const still = (list: Parameter[]) =>
      list.map(({ shape }) => tensor(new Float32Array(shape.reduce((n, d) => n * d, 1)), { shape }));
    for (const decoupled of [false, true]) {
      const [a, b] = [ones(), ones()];
      const optimizer = sgd({ lr: 0.5, decoupled, decayNormsAndBiases: false })([a, b]);
      optimizer.groups[1]!.options.weightDecay = 0.1;
      optimizer.step(still([...a, ...b]));
      const values = await Promise.all([...a, ...b].map(async (p) => [...(await p.value.data())]));
      expect(values[0]).toEqual([1, 1]);
      expect(values[2]![0]).toBeCloseTo(1 - 0.5 * 0.1, 6);
      expect(values[3]).toEqual([1]);
    }
    const p = new Parameter(tensor([[2]]));
    const decoupled = adam({ lr: 0.1, weightDecay: 0.5, decoupled: true })([p]);
    decoupled.step(still([p]));
    expect((await p.value.data())[0]).toBeCloseTo(2 * (1 - 0.1 * 0.5), 6);
  });

  it("reach the groups through fit's wd, and do not stay", async () => {
    const learner = netLearner();
    const decays: unknown[] = [];
    const look = {
      afterFit: (run: { optimizer: { groups: readonly { options: object }[] } }) =>
        void decays.push(run.optimizer.groups.map(({ options }) => (options as { weightDecay: number }).weightDecay)),
    };
    await learner.fit(0.1, { wd: [0, 1e-3, 1e-2], callbacks: [look] });
    await learner.fit(0.1, { callbacks: [look] });
    expect(decays).toEqual([
      [0, 1e-3, 1e-2],
      [0, 0, 0],
    ]);
  });
});

describe("freezing", () => {
  it("keeps frozen parameters and the running statistics of frozen batch norms bit-identical", async () => {
    const learner = netLearner();
    await learner.fit(0.05);
    const before = await cellsOf(learner.model);
    learner.freeze();
    expect(learner.optimizer.trainable()).toHaveLength(2);
    await learner.fitOneCycle(0.1, { epochs: 2 });
    const after = await cellsOf(learner.model);
    for (const name of Object.keys(before)) {
      if (name.startsWith("head")) expect(after[name]).not.toEqual(before[name]);
      else expect(after[name]).toEqual(before[name]);
    }
    learner.freezeTo(1);
    await learner.fit(0.1);
    const third = await cellsOf(learner.model);
    expect(third["stem.weight"]).toEqual(before["stem.weight"]);
    expect(runningStatistics(third)).not.toEqual(runningStatistics(after));
  });

  it("bnFreeze keeps the statistics after unfreezing, while scales and shifts learn", async () => {
    const learner = netLearner();
    await learner.fit(0.05);
    learner.unfreeze();
    learner.bnFreeze();
    const before = await cellsOf(learner.model);
    await learner.fit(0.1);
    const after = await cellsOf(learner.model);
    expect(runningStatistics(after)).toEqual(runningStatistics(before));
    expect(after["body.0.weight"]).not.toEqual(before["body.0.weight"]);
    learner.bnFreeze(false);
    await learner.fit(0.1);
    expect(runningStatistics(await cellsOf(learner.model))).not.toEqual(runningStatistics(before));
  });

  it("takes layers that the user froze, too", async () => {
    const learner = netLearner();
    (learner.model as Net).body.freeze();
    const before = await cellsOf(learner.model);
    await learner.fit(0.1);
    const after = await cellsOf(learner.model);
    for (const name of Object.keys(before)) if (name.startsWith("body")) expect(after[name]).toEqual(before[name]);
  });
});
