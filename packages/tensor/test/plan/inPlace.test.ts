import { beforeEach, describe, expect, it } from "vitest";
import { discard, Parameter } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { leaf } from "../../src/node.js";
import { explainPlan, use } from "../../src/realize.js";
import "../../src/tensor.js";
import { crossEntropy } from "../../src/nn/crossEntropy.js";
import { Linear } from "../../src/nn/linear.js";
import type { Tensor } from "../../src/tensor.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { expectSame } from "./expectSame.js";

const numbers = (...shape: number[]) =>
  leaf(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i * 1.3)),
    shape,
    "f32",
  );

/** Scratch memory that computing these takes, in tensors of `elements` numbers. */
function scratch(elements: number, ...tensors: Tensor[]): number {
  const kib = Number(/([\d.]+) KiB scratch/.exec(explainPlan(...tensors))![1]);
  return (kib * 1024) / (4 * elements);
}

beforeEach(() => {
  discard();
  use(new Interpreter());
});

describe("results take the memory of what they are computed from", () => {
  const square = numbers(64, 64);

  it("when nobody reads it afterwards", async () => {
    const y = square.matmul(square).tanh().matmul(square);
    expect(scratch(64 * 64, y)).toBe(1);
    await expectSame(y);
  });

  it("not while it is still to be read", async () => {
    const x = square.matmul(square);
    const y = x.tanh().matmul(x);
    expect(scratch(64 * 64, y)).toBe(2);
    await expectSame(y);
  });

  it("not when other points of it are read", async () => {
    const x = square.matmul(square);
    const y = x.add(x.transpose()).matmul(square);
    expect(scratch(64 * 64, y)).toBe(2);
    const flipped = square.matmul(square).flip(0).tanh().add(1).matmul(square);
    await expectSame(y, flipped);
  });

  it("one result for one input", async () => {
    const x = square.matmul(square);
    const [a, b] = [x.tanh(), x.exp()];
    const y = a.matmul(b);
    expect(scratch(64 * 64, y)).toBe(2);
    await expectSame(y);
  });
});

it("a loss over 35,000 words takes one tensor of their logits, forward and back", () => {
  const [rows, words] = [64, 35_000];
  const hidden = new Parameter(numbers(8, 8, 20));
  const output = new Linear(20, words);
  const target = leaf(new Int32Array(rows), [8, 8], "i32");
  const loss = crossEntropy(output.call(hidden.value), target);
  expect(scratch(rows * words, loss, ...gradients(loss, [hidden, ...output.parameters()]))).toBeLessThan(1.05);
});
