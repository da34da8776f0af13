import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Generator, manualSeed } from "@fai/tensor";
import { Linear, mse } from "@fai/tensor/nn";
import { adam, encodePredictor, fit as train } from "@fai/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  cellsOf,
  columnNames,
  embeddingMap,
  embeddingTable,
  StreamedRows,
  type Table,
  TabularData,
  type TabularLearner,
  TabularModel,
  TabularPredictor,
  TabularPrep,
  tableOf,
  tabularLearner,
} from "../src/index.js";

/** The price depends on the town and the area; `noise` on nothing. */
function houses(rows: number, seed = 0): Table {
  const generator = new Generator(seed);
  const towns = ["Aix", "Bern", "Cork", "Delft"];
  const town = Array.from({ length: rows }, () => generator.below(4));
  const area = Array.from({ length: rows }, () => 40 + 100 * generator.uniform());
  return tableOf({
    town: town.map((t) => towns[t]!),
    area: area.map((a, i) => (i % 19 === 0 ? null : a)),
    noise: area.map(() => generator.normal()),
    price: area.map((a, i) => (1 + town[i]!) * 1000 * (i % 19 === 0 ? 90 : a)),
    dear: area.map((a, i) => (1 + town[i]!) * a > 200),
  });
}

let learner: TabularLearner;
let folder = "";
afterAll(() => rm(folder, { recursive: true }));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabular-"));
  manualSeed(0);
  const data = TabularData.fromTable(houses(1500), {
    categorical: ["town"],
    continuous: ["area", "noise"],
    target: "price",
    logTarget: true,
    seed: 0,
  });
  const [low, high] = data.yRange();
  learner = tabularLearner(data, { layers: [32, 16], yRange: [low, high] });
  const rows = await learner.fit(0.01, { epochs: 6 });
  expect(rows.at(-1)!.validLoss).toBeLessThan(0.05);
});

describe("a trained learner", () => {
  test("predicts one row, in the target's own units", async () => {
    const { value } = await learner.predictRow({ town: "Cork", area: 100, noise: 0 });
    expect(Math.abs((value as never as number) / 300_000 - 1)).toBeLessThan(0.35);
    const { value: unseen } = await learner.predictRow({ town: "Ely" });
    expect(Number.isFinite(unseen as never)).toBe(true);
  });

  test("knows which columns matter", async () => {
    const importance = await learner.permutationImportance();
    expect(importance.map(({ column }) => column)).toEqual(["town", "area", "noise"]);
    expect(importance[1]!.importance).toBeGreaterThan(10 * Math.abs(importance[2]!.importance));
  });

  test("predicts tables as it does rows, also after its prep went through JSON", async () => {
    const table = houses(5, 7);
    const predictor = new TabularPredictor(
      new TabularPrep(JSON.parse(JSON.stringify(learner.data.prep.state))),
      learner.model,
    );
    const [all, parts] = [await learner.predictTable(table), await predictor.predictTable(table, { batchSize: 2 })];
    all.forEach(({ value }, i) => {
      expect(parts[i]!.value).toBeCloseTo(value as never, 0);
    });
    expect(all.length).toBe(5);
  });

  test("its predictor comes back from a file and from bytes, without training code", async () => {
    const table = houses(5, 7);
    const path = join(folder, "houses.safetensors");
    await learner.savePredictor(path);
    const expected = await learner.predictTable(table);
    for (const source of [path, pathToFileURL(path), await learner.predictor().encode()]) {
      const loaded = await TabularPredictor.load(source);
      expect(await loaded.predictTable(table)).toEqual(expected);
      expect(loaded.prep.state).toEqual(learner.data.prep.state);
    }
    const other = { kind: "vision", model: new Linear(1, 1), architecture: {}, preparation: {} };
    await expect(TabularPredictor.load(await encodePredictor(other))).rejects.toThrow(
      "[loadPredictor] the file is a predictor of kind vision, expected tabular.",
    );
    await learner.save(join(folder, "weights.safetensors"));
    await expect(TabularPredictor.load(join(folder, "weights.safetensors"))).rejects.toThrow(
      "[loadPredictor] the file holds weights, but no predictor.",
    );
    await expect(TabularPredictor.load(join(folder, "nope"))).rejects.toThrow("[loadPredictor]");
  });

  test("gives its vectors as a table and as a map", async () => {
    const table = await embeddingTable(learner.predictor(), "town");
    expect(columnNames(table)).toEqual(["town", "town_0", "town_1", "town_2"]);
    expect(cellsOf(table, "town")).toEqual([null, "Aix", "Bern", "Cork", "Delft"]);
    const points = await embeddingMap(learner.predictor(), "town");
    expect(points.map(({ label }) => label)).toEqual(["Aix", "Bern", "Cork", "Delft"]);
    await expect(embeddingTable(learner.predictor(), "area")).rejects.toThrow(
      /area is no categorical column; these are town/,
    );
  });
});

test("classes: cross-entropy, accuracy, probabilities", async () => {
  manualSeed(1);
  const data = TabularData.fromTable(houses(1200), {
    categorical: ["town"],
    continuous: ["area"],
    target: "dear",
    missingFlag: "categorical",
    seed: 0,
  });
  const learner = tabularLearner(data, { layout: "v1", layers: [20, 10] });
  const rows = await learner.fitOneCycle(0.01, { epochs: 4 });
  expect(rows.at(-1)!.metrics.accuracy).toBeGreaterThan(0.9);
  const { value, probabilities, classes } = await learner.predictRow({ town: "Delft", area: 130 });
  expect([value, classes]).toEqual([true, [false, true]]);
  expect(probabilities![1]).toBeGreaterThan(0.9);
  const loaded = await TabularPredictor.load(await learner.predictor().encode());
  expect(await loaded.predict({ town: "Delft", area: 130 })).toEqual({ value, probabilities, classes });
});

test("several numbers at once, without continuous columns", async () => {
  const data = TabularData.fromTable(houses(300), { categorical: ["town"], target: ["price", "noise"], seed: 0 });
  const learner = tabularLearner(data, { layers: [8], layout: "v2" });
  await learner.fit(0.01);
  expect((await learner.predictRow({ town: "Aix" })).value).toHaveLength(2);
});

describe("data that is streamed", () => {
  const table = houses(100);
  const options = { categorical: ["town"], continuous: ["area"], target: "price", logTarget: true } as const;
  async function* parts(): AsyncGenerator<Table> {
    for (let at = 0; at < 100; at += 30) yield table.slice(at, at + 30);
  }

  test("gives the same rows as a table in memory, in batches of one size", async () => {
    const prep = await TabularPrep.fitStream(parts(), options);
    const source = new StreamedRows(parts, prep, { rows: 100, batchSize: 16 });
    const [sizes, targets]: [number[], number[]] = [[], []];
    for await (const { y, size } of source) {
      sizes.push(size);
      targets.push(...(await y.data()));
    }
    expect([source.length, sizes]).toEqual([7, [16, 16, 16, 16, 16, 16, 4]]);
    expect(targets).toEqual([...prep.apply(table, { target: true }).target!]);
  });

  test("is shuffled anew each epoch, and trains", async () => {
    const prep = await TabularPrep.fitStream(parts(), options);
    const source = new StreamedRows(parts, prep, { rows: 100, batchSize: 100, shuffle: true, seed: 3 });
    const orders: number[][] = [];
    for (let epoch = 0; epoch < 2; epoch++) for await (const { y } of source) orders.push([...(await y.data())]);
    expect(orders[0]).not.toEqual(orders[1]);
    expect([...orders[0]!].sort()).toEqual([...orders[1]!].sort());
    const model = new TabularModel(prep, { layers: [8] });
    const rows = await train(model, { train: source }, { epochs: 8, optimizer: adam({ lr: 0.05 }), loss: mse });
    expect(rows.at(-1)!.trainLoss).toBeLessThan(rows[0]!.trainLoss);
  });

  test("a wrong number of rows is noticed", async () => {
    const prep = await TabularPrep.fitStream(parts(), options);
    await expect(async () => {
      for await (const _ of new StreamedRows(parts, prep, { rows: 99 }));
    }).rejects.toThrow(/there were 100 rows, 99 were announced/);
  });
});
