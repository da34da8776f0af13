import { describe, expect, test } from "vitest";
import { gradCheck } from "../src/gradCheck.js";
import * as ops from "../src/index.js";
import { Tensor } from "../src/tensor.js";
import { randomLeaf } from "./finiteDifferences.js";
import { evaluate } from "./reference.js";

const engines: [string, { evaluate?: (t: Tensor) => ArrayLike<number>; epsilon?: number; tolerance?: number }][] = [
  ["the f64 reference", { evaluate: (t) => evaluate(t).data, epsilon: 1e-3, tolerance: 1e-5 }],
  ["the default device", {}],
];

describe.each(engines)("on %s", (_, options) => {
  test("a right derivative passes, and the report counts the elements", async () => {
    const report = await gradCheck(
      (x, w) => ops.gelu(ops.matmul(x, w)),
      [randomLeaf([3, 4]), randomLeaf([4, 2], { seed: 2 })],
      options,
    );
    expect(report.checked).toBe(20);
    expect(report.worst!.error).toBeLessThan(options.tolerance ?? 5e-3);
  });

  test("a wrong derivative throws, naming the worst element", async () => {
    const wrong = (x: Tensor) => ops.mul(x, ops.detach(x));
    await expect(
      gradCheck(
        wrong,
        [
          ops.tensor([
            [0.1, 2],
            [0.5, 0.2],
          ]),
        ],
        options,
      ),
    ).rejects.toThrow(/\[gradCheck\] input 0, element \[0, 1\]/);
  });

  test("a derivative that is NaN throws", async () => {
    const nan = (x: Tensor) => ops.where(ops.lt(0.5, x), ops.sqrt(ops.sub(x, 0.5)), 0);
    await expect(gradCheck(nan, [ops.tensor([0.2, 0.9])], options)).rejects.toThrow(/derivative is NaN/);
  });

  test("random numbers repeat from call to call, and whole inputs are not moved", async () => {
    const picked = (x: Tensor, index: Tensor) => ops.dropout(ops.take(ops.square(x), index), 0.5);
    const report = await gradCheck(picked, [randomLeaf([6]), ops.tensor([0, 2, 2, 5], { dtype: "i32" })], options);
    expect(report.checked).toBe(6);
  });
});

test("large inputs are sampled", async () => {
  const report = await gradCheck((x) => ops.tanh(x), [randomLeaf([50, 50])], { elements: 10, ...engines[0]![1] });
  expect(report.checked).toBe(10);
});

test("methods give what functions give", async () => {
  const x = randomLeaf([3, 4]);
  const { tan, asin, log1p, expm1, round, trunc, mean, variance, std, prod, norm, amin, softmax, relu, tril } = ops;
  const unary = { tan, asin, log1p, expm1, round, trunc, mean, variance, std, prod, norm, amin, softmax, relu, tril };
  for (const [name, fn] of Object.entries(unary)) {
    const method = x[name as keyof typeof unary]();
    expect(method, name).toBeInstanceOf(Tensor);
    expect(await method.data(), name).toEqual(await fn(x).data());
  }
});
