import { describe, expect, test } from "vitest";
import { gradients } from "../../src/gradients.js";
import * as nn from "../../src/nn/index.js";
import { mul } from "../../src/ops/elementwise.js";
import { tensor, zeros } from "../../src/ops/generate.js";
import { transpose } from "../../src/ops/movement.js";
import { sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { evaluate } from "../reference.js";
import { engines, expectClose, golden, type Packed, unpack } from "./golden.js";

type Loss = (prediction: unknown, target: Tensor, options: Record<string, unknown>) => Tensor;

interface LossCase {
  name:
    | "crossEntropy"
    | "nll"
    | "bce"
    | "bceWithLogits"
    | "mse"
    | "l1"
    | "huber"
    | "smoothL1"
    | "klDiv"
    | "cosineEmbedding";
  prediction: Packed;
  target: Packed;
  options: Record<string, unknown>;
  tensors: Record<string, Packed>;
  value: Packed;
  seed: Packed;
  gradient: Packed;
}

/** Everything that the library exports, by name. */
const library: Record<string, unknown> = { ...nn };

const cases = golden<LossCase[]>("losses.json");

describe.each(engines)("losses agree with PyTorch ($name)", (engine) => {
  test.each(
    cases.map(
      (c) =>
        [
          `${c.name} ${JSON.stringify(c.prediction.shape)} ${JSON.stringify(c.options)} ${Object.keys(c.tensors)}`,
          c,
        ] as const,
    ),
  )("%s", async (_, c) => {
    const loss = library[c.name] as Loss;
    const x = unpack(c.prediction);
    const { b, ...tensors } = Object.fromEntries(
      Object.entries(c.tensors).map(([key, packed]) => [key, unpack(packed)]),
    );
    const value = loss(b ? { a: x, b } : x, unpack(c.target), { ...c.options, ...tensors });
    const [gradient] = gradients(sum(mul(value, unpack(c.seed))), [x]);
    const [found, slope] = await engine.read([value, gradient!]);
    expectClose(engine, "the loss", value, found!, c.value);
    expectClose(engine, "the gradient", gradient!, slope!, c.gradient);
  });
});

describe("losses", () => {
  const number = (t: Tensor) => evaluate(t).data[0]!;

  test("the course's binary log loss", () => {
    expect(number(nn.bce(tensor([0.9, 0.1, 0.2, 0.8]), tensor([1, 0, 0, 1])))).toBeCloseTo(0.164252033486018, 7);
  });

  test.each(["mse", "l1", "huber", "smoothL1", "bce", "bceWithLogits", "klDiv"] as const)(
    "%s of [n, 1] against [n] is an error",
    (name) => {
      const loss = library[name] as (prediction: Tensor, target: Tensor) => Tensor;
      expect(() => loss(zeros([4, 1]), zeros([4]))).toThrow(
        `[${name}] the prediction has shape [4, 1], the target [4]: they must be equal. Use prediction.squeeze(-1) or target.unsqueeze(-1)?`,
      );
      expect(() => loss(zeros([4]), zeros([4, 1]))).toThrow("Use target.squeeze(-1) or prediction.unsqueeze(-1)?");
    },
  );

  test("other shapes are errors with a fix", () => {
    expect(() => nn.mse(zeros([1, 4]), zeros([4]))).toThrow("Use prediction.squeeze(0) or target.unsqueeze(0)?");
    expect(() => nn.mse(zeros([2, 3]), zeros([3, 2]))).toThrow("Use target.reshape(2, 3)?");
    expect(() => nn.mse(zeros([2, 3]), zeros([3]))).toThrow("Expand one of them, if that is meant?");
  });

  test("a plain number is a target for all elements", () => {
    expect(number(nn.bceWithLogits(tensor([0, 0]), 1))).toBeCloseTo(Math.LN2, 6);
  });

  test("targets of wrong shape or dtype say what is expected", () => {
    const x = zeros([4, 3]);
    const integers = (...shape: number[]) => zeros(shape, { dtype: "i32" });
    expect(() => nn.crossEntropy(x, zeros([4]))).toThrow(
      'the targets are f32 [4]; expected indices [4], or probabilities [4, 3]. Class indices are whole numbers: target.cast("i32")?',
    );
    expect(() => nn.crossEntropy(x, integers(4, 1))).toThrow("Use target.squeeze(-1)?");
    expect(() => nn.crossEntropy(x, integers(4, 3))).toThrow('Probabilities are f32: target.cast("f32")?');
    expect(() => nn.crossEntropy(zeros([2, 3, 5]), integers(6))).toThrow(
      "Use input.reshape(-1, 5) and target.reshape(-1)?",
    );
    expect(() => nn.crossEntropy(x, integers(5))).toThrow(
      "[crossEntropy] the input has shape [4, 3], the targets are i32 [5]",
    );
    expect(() => nn.crossEntropy(x, integers(4), { weight: zeros([4]) })).toThrow(
      "the class weights have shape [4], expected [3]",
    );
    expect(() => nn.crossEntropy(x, integers(4), { labelSmoothing: 2 })).toThrow("labelSmoothing is 2");
    expect(() => nn.nll(x, zeros([4]))).toThrow("[nll] targets have dtype f32");
    expect(() => nn.mse(x, x, { reduction: "batch" as "mean" })).toThrow('[mse] reduction is "batch"');
  });

  test("u8 labels, as images come with, are class indices", () => {
    const labels = tensor(Uint8Array.of(2, 0));
    const x = tensor([
      [1, 2, 3],
      [4, 5, 7],
    ]);
    expect(number(nn.crossEntropy(x, labels))).toBeCloseTo(
      number(nn.crossEntropy(x, tensor([2, 0], { dtype: "i32" }))),
      12,
    );
  });

  test("where the shapes fit both ways, three axes have classes last and four on axis 1; classAxis decides otherwise", () => {
    const values = (shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7)),
        { shape },
      );
    const square = values([2, 3, 3]); // T=2, B=3, C=3, or N=2, C=3, L=3
    const index = tensor([0, 1, 2, 2, 1, 1], { shape: [2, 3], dtype: "i32" });
    const last = number(nn.crossEntropy(square, index));
    expect(number(nn.crossEntropy(square.reshape(6, 3), index.reshape(6)))).toBeCloseTo(last, 12);
    const second = number(nn.crossEntropy(square, index, { classAxis: 1 }));
    expect(number(nn.crossEntropy(transpose(square, 1, 2), index))).toBeCloseTo(second, 12);
    expect(second).not.toBeCloseTo(last, 3);
    const cube = values([1, 2, 2, 2]);
    const pixels = tensor([0, 1, 1, 0], { shape: [1, 2, 2], dtype: "i32" });
    expect(number(nn.crossEntropy(cube, pixels))).toBeCloseTo(
      number(nn.crossEntropy(cube, pixels, { classAxis: 1 })),
      12,
    );
    expect(number(nn.crossEntropy(cube, pixels))).not.toBeCloseTo(
      number(nn.crossEntropy(cube, pixels, { classAxis: -1 })),
      3,
    );
  });

  test("a masked class does not spoil ignored targets", () => {
    const x = tensor([
      [Number.NEGATIVE_INFINITY, 1, 2],
      [0.5, 1, 2],
    ]);
    expect(number(nn.crossEntropy(x, tensor([-100, 1], { dtype: "i32" })))).toBeCloseTo(
      number(nn.crossEntropy(tensor([[0.5, 1, 2]]), tensor([1], { dtype: "i32" }))),
      6,
    );
  });
});
