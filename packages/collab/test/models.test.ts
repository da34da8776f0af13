import { manualSeed, tensor } from "@fai/tensor";
import { describe, expect, test } from "vitest";
import { DotProduct, EmbeddingDot, EmbeddingDotBias, EmbeddingNet } from "../src/index.js";

const counts = { userCount: 3, itemCount: 4 };
const pairs = { user: tensor([0, 2, 1], { dtype: "i32" }), item: tensor([3, 0, 0], { dtype: "i32" }) };

test("the dot product of the lesson", async () => {
  const [a, b] = [
    tensor([
      [1, 2],
      [3, 4],
    ]),
    tensor([
      [2, 2],
      [10, 10],
    ]),
  ];
  expect([...(await new DotProduct().call({ a, b }).data())]).toEqual([6, 70]);
  expect(() => new DotProduct().call({ a, b: tensor([[1, 2]]) })).toThrow(/\[2, 2\] and \[1, 2\]/);
});

describe("models", () => {
  test("EmbeddingDot multiplies the two vectors", async () => {
    manualSeed(1);
    const model = new EmbeddingDot(counts, { factors: 2 });
    const [u, i] = [await model.userFactors.weight.value.data(), await model.itemFactors.weight.value.data()];
    expect(Math.min(...u, ...i)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...u, ...i)).toBeLessThan(0.05);
    const expected = [
      [0, 3],
      [2, 0],
      [1, 0],
    ].map(([p, q]) => u[2 * p!]! * i[2 * q!]! + u[2 * p! + 1]! * i[2 * q! + 1]!);
    const given = await model.call(pairs).data();
    expected.forEach((value, k) => {
      expect(given[k]).toBeCloseTo(value, 7);
    });
  });

  test("EmbeddingDotBias adds biases and squeezes into the range", async () => {
    manualSeed(2);
    const model = new EmbeddingDotBias(counts, { factors: 2, range: [0.5, 5] });
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      "userFactors.weight",
      "itemFactors.weight",
      "userBias.weight",
      "itemBias.weight",
    ]);
    const free = new EmbeddingDotBias(counts, { factors: 2 });
    free.parameters().forEach((p, i) => {
      p.load(model.parameters()[i]!.value);
    });
    const [squeezed, raw] = [await model.call(pairs).data(), await free.call(pairs).data()];
    raw.forEach((x, i) => {
      expect(squeezed[i]).toBeCloseTo(0.5 + 4.5 / (1 + Math.exp(-x)), 5);
    });
  });

  test("EmbeddingNet takes vectors of two lengths, several layers and side features", async () => {
    const model = new EmbeddingNet(counts, {
      userSize: 3,
      itemSize: 2,
      features: 2,
      layers: [6, 4],
      dropout: [0.1, 0.2],
      range: [0, 1],
    });
    expect(model.layers[0]!.weight.shape).toEqual([6, 7]);
    const features = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(model.call({ ...pairs, features }).shape).toEqual([3]);
    const [a, b] = [
      await model
        .eval()
        .call({ ...pairs, features })
        .data(),
      await model.call({ ...pairs, features }).data(),
    ];
    expect([...a]).toEqual([...b]); // dropout does nothing in inference
    expect(() => model.call(pairs)).toThrow(/have 0 side features, the model takes 2/);
    expect(() => new EmbeddingNet(counts, { layers: [6, 4], dropout: [0.1] })).toThrow(
      /2 hidden layers and 1 dropouts/,
    );
  });
});
