import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { manualSeed, tensor } from "@fai/tensor";
import { loadStateDict } from "@fai/tensor/io";
import { loadPytorch } from "@fai/tensor/io/node";
import { describe, expect, test } from "vitest";
import { embeddingSize, TabularModel, type TabularModelOptions } from "../src/index.js";

const pathOf = (name: string) => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
const shape = { cardinalities: [4, 6], contNames: ["a", "b", "c"], outputs: 2 };
const batch = {
  cats: tensor(
    [
      [0, 5],
      [3, 1],
    ],
    { dtype: "i32" },
  ),
  conts: tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]),
};
const tree = (options: TabularModelOptions) =>
  new TabularModel(shape, options).namedParameters().map(([name, { shape: s }]) => `${name} ${s.join("x")}`);

test("a fastai v1 checkpoint predicts as PyTorch does with it, to 1e-5", async () => {
  const golden = JSON.parse(readFileSync(pathOf("tabularV1.json"), "utf8"));
  const model = new TabularModel(
    { cardinalities: golden.cardinalities, contNames: ["x", "y"], outputs: 2 },
    { layout: "v1", layers: [12, 8] },
  );
  const { tensors } = await loadPytorch(pathOf("tabularV1.pth"), { prefix: "model" });
  expect(loadStateDict(model, tensors)).toEqual({ missing: [], unexpected: [] });
  const scores = await model
    .eval()
    .call({ cats: tensor(golden.cats, { dtype: "i32" }), conts: tensor(golden.conts) })
    .data();
  const expected = golden.scores.flat();
  expect(Math.max(...scores.map((x, i) => Math.abs(x - expected[i])))).toBeLessThan(1e-5);
});

describe("layouts", () => {
  test("lesson 3: sizes of half the codes, Linears and ReLUs, batch norm when asked", () => {
    expect([2, 3, 7, 99, 1000].map((c) => embeddingSize(c))).toEqual([1, 2, 4, 50, 50]);
    expect(tree({ layers: [8] })).toEqual([
      "embeds.0.weight 4x2",
      "embeds.1.weight 6x3",
      "bnCont.weight 3",
      "bnCont.bias 3",
      "layers.0.weight 8x8",
      "layers.0.bias 8",
      "layers.2.weight 2x8",
      "layers.2.bias 2",
    ]);
    expect(String(new TabularModel(shape, { layers: [8], batchNorm: true, dropout: 0.1 }))).toMatch(
      /Linear\(.*\n.*ReLU\(.*\n.*BatchNorm1d\(.*\n.*Dropout\(.*\n.*Linear\(/,
    );
  });

  test("v1 and v2: sizes by 1.6 c^0.56, batch norm before a Linear, which in v2 has no bias then", () => {
    expect([3, 6, 10, 43, 100_000].map((c) => embeddingSize(c, "v1"))).toEqual([3, 4, 6, 13, 600]);
    expect(tree({ layers: [8], layout: "v1" }).slice(-6)).toEqual(
      [
        "layers.0.weight 8x9",
        "layers.0.bias 8",
        "layers.2.weight 8",
        "layers.2.bias 8",
        "layers.3.weight 2x8",
        "layers.3.bias 2",
      ].map((line) => line.replace("8x9", "8x10")),
    );
    expect(tree({ layers: [8], layout: "v2" }).slice(-5)).toEqual([
      "layers.0.0.weight 8x10",
      "layers.0.0.bias 8",
      "layers.1.0.weight 8",
      "layers.1.0.bias 8",
      "layers.1.1.weight 2x8",
    ]);
  });

  test("initial numbers", async () => {
    manualSeed(0);
    const lesson3 = await new TabularModel({ ...shape, cardinalities: [100] }).embeds[0]!.weight.value.data();
    expect(Math.max(...lesson3.map(Math.abs))).toBeLessThan(2 / 51);
    const v1 = await new TabularModel(
      { ...shape, cardinalities: [100] },
      { layout: "v1" },
    ).embeds[0]!.weight.value.data();
    expect(Math.max(...v1.map(Math.abs))).toBeLessThan(0.02);
  });
});

test("no codes or no numbers at all", async () => {
  const onlyCats = new TabularModel({ ...shape, contNames: [] });
  const onlyConts = new TabularModel({ ...shape, cardinalities: [] });
  expect(onlyCats.eval().call({ cats: batch.cats }).shape).toEqual([2, 2]);
  expect(onlyConts.eval().call({ conts: batch.conts }).shape).toEqual([2, 2]);
  expect(() => onlyCats.call(batch)).toThrow(/2 columns of codes and 3 of numbers, the model takes 2 and 0/);
});

test("a range for the outputs", async () => {
  const model = new TabularModel({ ...shape, outputs: 1 }, { yRange: [2, 3] });
  for (const value of await model.eval().call(batch).data()) {
    expect(value).toBeGreaterThan(2);
    expect(value).toBeLessThan(3);
  }
  expect(() => new TabularModel(shape, { layers: [1, 2], dropout: [0.5] })).toThrow(/1 dropouts for 2 layers/);
  expect(() => new TabularModel(shape, { embeddingSizes: [1] })).toThrow(/1 embedding sizes for 2/);
});
