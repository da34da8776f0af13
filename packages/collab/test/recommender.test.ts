import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, tensor } from "@fai/tensor";
import { Linear } from "@fai/tensor/nn";
import { encodePredictor } from "@fai/train";
import { beforeAll, describe, expect, test } from "vitest";
import {
  biasRanking,
  type CollabCounts,
  CollabData,
  collabLearner,
  EmbeddingDot,
  EmbeddingDotBias,
  EmbeddingNet,
  factorComponents,
  Recommender,
} from "../src/index.js";

/** 40 users of two tastes rate 30 items of two kinds; item 0 is good for all, item 1 bad for all. */
function tastes(): { userId: string[]; itemId: number[]; rating: number[] } {
  const table = { userId: [] as string[], itemId: [] as number[], rating: [] as number[] };
  for (let user = 0; user < 40; user++) {
    for (let item = 0; item < 30; item++) {
      if ((user * 7 + item * 3) % 5 === 0 && item > 1) continue; // not rated
      const match = user % 2 === item % 2 ? 4 : 2;
      table.userId.push(`u${user}`);
      table.itemId.push(100 + item);
      table.rating.push(item === 0 ? 5 : item === 1 ? 1 : match);
    }
  }
  return table;
}

let data: CollabData;
let recommender: Recommender;
beforeAll(async () => {
  manualSeed(0);
  data = CollabData.fromTable(tastes(), { seed: 0, batchSize: 32 });
  const learner = collabLearner(data, { factors: 4, weightDecay: 1e-4 });
  const rows = await learner.fit(0.05, { epochs: 5 });
  expect(rows.at(-1)!.validLoss).toBeLessThan(0.15);
  recommender = await learner.recommender({ tags: (item) => ((item as number) % 2 === 0 ? ["even"] : ["odd"]) });
});

describe("recommend", () => {
  test("gives what the user has not met, of their taste, the best first", async () => {
    const given = await recommender.recommend("u4", { count: 3 });
    const met = new Set(tastes().itemId.filter((_, i) => tastes().userId[i] === "u4"));
    for (const { item, basis } of given) {
      expect(met.has(item as number)).toBe(false);
      expect((item as number) % 2).toBe(0);
      expect(basis).toBe("model");
    }
    expect(given[0]!.rating).toBeGreaterThanOrEqual(given[2]!.rating);
    const [first] = await recommender.recommend("u4", { count: 1, includeSeen: true });
    expect(first!.item).toBe(100);
    expect(await recommender.recommend("u4", { filter: () => false })).toEqual([]);
  });

  test("an unknown user gets everybody's favourites, and is told so", async () => {
    const [first] = await recommender.recommend("nobody");
    expect(first).toMatchObject({ item: 100, basis: "means" });
    expect(first!.rating).toBeLessThan(5); // damped
    await expect(recommender.predict("nobody", [100])).rejects.toThrow(/none of the 40 ids/);
  });

  test("a new user who names items gets similar ones", () => {
    const similar = recommender.similarTo([104, 106], { count: 4 });
    expect(similar.every(({ item }) => (item as number) % 2 === 0)).toBe(true);
    expect(recommender.similarItems(105, { count: 4 }).every(({ item }) => (item as number) % 2 === 1)).toBe(true);
    expect(() => recommender.similarTo([])).toThrow(/no item is given/);
  });

  test("a new item is judged by its tags", async () => {
    const [even, odd] = [
      await recommender.predictNewItem("u4", ["even"]),
      await recommender.predictNewItem("u4", ["odd"]),
    ];
    expect(even - odd).toBeGreaterThan(1);
    await expect(recommender.predictNewItem("u4", ["western"])).rejects.toThrow(/no known item has any/);
  });

  test("comes back from a file and from bytes, without training code", async () => {
    const folder = await mkdtemp(join(tmpdir(), "collab-"));
    const path = join(folder, "made", "tastes.safetensors");
    await recommender.save(path);
    const expected = await recommender.recommend("u4");
    for (const source of [path, await recommender.encode()]) {
      const again = await Recommender.load(source);
      expect(await again.recommend("u4")).toEqual(expected);
      expect(await again.predictNewItem("u4", ["even"])).toBe(await recommender.predictNewItem("u4", ["even"]));
      expect(again.state).toEqual(recommender.state);
    }
    const learner = collabLearner(data, { model: recommender.model as EmbeddingDotBias });
    await learner.savePredictor(path);
    expect(await (await Recommender.load(path)).recommend("u4")).toEqual(expected);
    await rm(folder, { recursive: true });
  });

  test("models of every kind, big integers as ids, and models of one's own come back", async () => {
    const table = { userId: [2n ** 60n, 5n, 5n, 7n], itemId: ["a", "b", "a", "c"], rating: [1, 2, 3, 4] };
    const few = CollabData.fromTable(table, { seed: 0, valid: [3] });
    class Own extends EmbeddingDot {
      override architecture() {
        return { type: "own", options: {} };
      }
    }
    const net = { layers: [4, 3], dropout: [0.1, 0.2], range: [0, 5] as const };
    for (const model of [
      new EmbeddingDot(few),
      new EmbeddingDotBias(few, { factors: 3, range: [1, 4] }),
      new EmbeddingNet(few, net),
      new Own(few, { factors: 3 }),
    ]) {
      const made = await Recommender.of(model, few);
      const build = model instanceof Own ? { build: (counts: CollabCounts) => new Own(counts, { factors: 3 }) } : {};
      const again = await Recommender.load(await made.encode(), build);
      expect(again.model).toBeInstanceOf(model.constructor);
      expect(await again.predict(2n ** 60n, ["a", "b"])).toEqual(await made.predict(2n ** 60n, ["a", "b"]));
      if (model instanceof Own)
        await expect(Recommender.load(await made.encode())).rejects.toThrow("Say how it is made");
      else expect(again.model.architecture()).toEqual(model.architecture());
    }
  });

  test("files of something else are refused", async () => {
    const other = { kind: "tabular", model: new Linear(1, 1), architecture: {}, preparation: {} };
    await expect(Recommender.load(await encodePredictor(other))).rejects.toThrow(
      "[loadPredictor] the file is a predictor of kind tabular, expected collab.",
    );
    await expect(Recommender.of(new EmbeddingDot({ userCount: 3, itemCount: 30 }), data)).rejects.toThrow(
      /the model has 3 users, the ids are 40/,
    );
  });

  test("side features are asked for each item", async () => {
    const model = new EmbeddingNet(data, { features: 1, userSize: 2, itemSize: 2 });
    const made = await Recommender.of(model, data);
    const [predicted] = await made.predict("u3", [101], { features: () => [7] });
    const x = { user: tensor([3], { dtype: "i32" }), item: tensor([1], { dtype: "i32" }), features: tensor([[7]]) };
    expect(predicted!.rating).toBeCloseTo(await model.eval().call(x).item(), 6);
    await expect(made.predict("u3", [101])).rejects.toThrow(/0 side features, the model takes 1/);
  });
});

describe("interpretation", () => {
  test("the bias ranking has the item that all love first, the one that all hate last", () => {
    const ranked = biasRanking(recommender);
    expect([ranked[0]!.item, ranked.at(-1)!.item]).toEqual([100, 101]);
    expect(biasRanking(recommender, { minCount: 40 }).map(({ item }) => item)).toEqual([100, 101]);
  });

  test("the first component separates the two kinds", () => {
    const points = factorComponents(recommender, { components: 2 });
    expect(points[0]!.count).toBe(40);
    const side = (parity: number) =>
      new Set(
        points
          .filter(({ item }) => (item as number) > 101 && (item as number) % 2 === parity)
          .map(({ components }) => Math.sign(components[0]!)),
      );
    expect([side(0).size, side(1).size]).toEqual([1, 1]);
    expect(side(0)).not.toEqual(side(1));
    expect(() => factorComponents(recommender, { components: 5 })).toThrow(/no 5 components/);
    expect(() => factorComponents(recommender, { minCount: 1000 })).toThrow(/0 items/);
  });

  test("a model without item biases has no ranking", async () => {
    const made = await Recommender.of(new EmbeddingDot(data), data);
    expect(() => biasRanking(made)).toThrow(/no item bias/);
  });
});

test("implicit feedback: probabilities, and the items of the user's kind first", async () => {
  manualSeed(1);
  const all = tastes();
  const liked = all.rating
    .map((rating, i) => ({ rating, i }))
    .filter(({ rating, i }) => rating >= 4 && all.itemId[i]! > 101);
  const clicks = CollabData.fromTable(
    { userId: liked.map(({ i }) => all.userId[i]!), itemId: liked.map(({ i }) => all.itemId[i]!) },
    { implicit: { negatives: 4 }, seed: 1 },
  );
  const learner = collabLearner(clicks, { factors: 4, weightDecay: 0 });
  await learner.fit(0.05, { epochs: 5 });
  const made = await learner.recommender();
  const given = await made.recommend("u5", { count: 2 });
  for (const { item, rating } of given) {
    expect((item as number) % 2).toBe(1);
    expect(rating).toBeGreaterThan(0);
    expect(rating).toBeLessThan(1);
  }
});

test("the learner takes another model", async () => {
  const model = new EmbeddingDotBias(data, { factors: 2 });
  expect(collabLearner(data, { model }).model).toBe(model);
});
