import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.js";
import { manualSeed } from "../../src/random.js";
import type { Tensor } from "../../src/tensor.js";
import { evaluate } from "../reference.js";

function statistics(t: Tensor) {
  const { data } = evaluate(t);
  const mean = [...data].reduce((a, b) => a + b, 0) / data.length;
  const std = Math.sqrt([...data].reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
  return { mean, std, least: Math.min(...data), largest: Math.max(...data) };
}

const shape = [40, 50, 2, 2]; // fan in 200, fan out 160

describe("initializers", () => {
  test.each<[string, () => Tensor, number]>([
    ["kaimingUniform", () => nn.kaimingUniform(shape), Math.sqrt(2 / 200)],
    ["kaimingNormal", () => nn.kaimingNormal(shape), Math.sqrt(2 / 200)],
    [
      "kaimingNormal of fan out",
      () => nn.kaimingNormal(shape, { mode: "fanOut", nonlinearity: "relu" }),
      Math.sqrt(2 / 160),
    ],
    ["kaimingUniform of a leaky ReLU", () => nn.kaimingUniform(shape, { slope: 1 }), Math.sqrt(1 / 200)],
    ["xavierUniform", () => nn.xavierUniform(shape), Math.sqrt(2 / 360)],
    ["xavierNormal", () => nn.xavierNormal(shape, { gain: 2 }), 2 * Math.sqrt(2 / 360)],
    ["uniform", () => nn.uniform(shape, { low: -1, high: 1 }), Math.sqrt(1 / 3)],
    ["normal", () => nn.normal(shape, { std: 0.02 }), 0.02],
  ])("%s has mean 0 and the standard deviation of its paper", (_, make, std) => {
    manualSeed(3);
    const found = statistics(make());
    expect(Math.abs(found.mean)).toBeLessThan(std * 0.05);
    expect(found.std / std).toBeGreaterThan(0.97);
    expect(found.std / std).toBeLessThan(1.03);
  });

  test("truncated normal numbers stay within their range, narrow or wide", () => {
    manualSeed(4);
    const wide = statistics(nn.truncatedNormal(shape));
    expect(wide.least).toBeGreaterThanOrEqual(-2);
    expect(wide.largest).toBeLessThanOrEqual(2);
    expect(wide.std).toBeCloseTo(0.8796, 1); // of a standard normal cut at two standard deviations
    const narrow = statistics(nn.truncatedNormal(shape, { std: 5, low: 1, high: 1.5 }));
    expect([narrow.least >= 1, narrow.largest <= 1.5]).toEqual([true, true]);
    expect(() => nn.truncatedNormal([2], { low: 9, high: 10 })).toThrow("[truncatedNormal] [9, 10] holds too little");
  });

  test.each([[[3, 7]], [[7, 3]], [[4, 2, 3]]])("orthogonal %j has orthonormal rows or columns", (sizes) => {
    const [rows, columns] = [sizes[0]!, sizes.slice(1).reduce((a, b) => a * b)];
    const { data } = evaluate(nn.orthogonal(sizes, { gain: 2 }));
    const short = Math.min(rows, columns);
    const entry = (v: number, k: number) => (rows <= columns ? data[v * columns + k]! : data[k * columns + v]!);
    for (let i = 0; i < short; i++) {
      for (let j = 0; j < short; j++) {
        let product = 0;
        for (let k = 0; k < Math.max(rows, columns); k++) product += entry(i, k) * entry(j, k);
        expect(product).toBeCloseTo(i === j ? 4 : 0, 5);
      }
    }
  });

  test("identity, constant and gains", () => {
    expect([...evaluate(nn.identity([2, 3], { scale: 0.5 })).data]).toEqual([0.5, 0, 0, 0, 0.5, 0]);
    expect([...evaluate(nn.constantInit([2], 7)).data]).toEqual([7, 7]);
    expect([nn.gain("linear"), nn.gain("tanh"), nn.gain("relu"), nn.gain("selu")]).toEqual([
      1,
      5 / 3,
      Math.SQRT2,
      3 / 4,
    ]);
    expect(nn.gain("leakyRelu", 1)).toBeCloseTo(1, 12);
    expect(() => nn.kaimingNormal([3])).toThrow("[init] a weight [3] has no inputs and outputs");
  });

  test("layers start as PyTorch's: uniform within 1/sqrt(fan in), embeddings normal, norms at one and zero", () => {
    manualSeed(5);
    const bounded = (t: Tensor, bound: number) => {
      const { least, largest } = statistics(t);
      expect(largest).toBeLessThanOrEqual(bound);
      expect(largest).toBeGreaterThan(bound * 0.9);
      expect(least).toBeLessThan(-bound * 0.9);
    };
    const linear = new nn.Linear(25, 300);
    bounded(linear.weight.value, 1 / 5);
    bounded(linear.bias!.value, 1 / 5);
    const conv = new nn.Conv2d(8, 64, { kernelSize: 3, groups: 2 });
    bounded(conv.weight.value, 1 / 6);
    bounded(conv.bias!.value, 1 / 6);
    bounded(new nn.ConvTranspose2d(30, 4, { kernelSize: 3 }).weight.value, 1 / 6);
    bounded(new nn.GRU(10, 16).weights.weightIhL0!.value, 1 / 4);
    expect(statistics(new nn.Embedding(300, 10).weight.value).std).toBeCloseTo(1, 1);
    const norm = new nn.BatchNorm2d(4);
    expect(statistics(norm.weight!.value)).toEqual({ mean: 1, std: 0, least: 1, largest: 1 });
    expect(statistics(norm.runningVar!.value).mean).toBe(1);
    expect(statistics(norm.bias!.value).mean).toBe(0);
  });

  test("one seed, one model", () => {
    const draw = () => {
      manualSeed(11);
      return [...evaluate(new nn.Linear(3, 3).weight.value).data];
    };
    expect(draw()).toEqual(draw());
  });
});
