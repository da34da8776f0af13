import { beforeEach, describe, expect, it } from "vitest";
import { discard } from "../../src/cell.js";
import { leaf } from "../../src/node.js";
import { stack } from "../../src/ops/joining.js";
import { concat } from "../../src/ops/movement.js";
import { explainPlan, use } from "../../src/realize.js";
import "../../src/tensor.js";
import type { Tensor } from "../../src/tensor.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { expectSame } from "./expectSame.js";

const numbers = (seed: number, ...shape: number[]) =>
  leaf(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(seed + i * 1.3)),
    shape,
    "f32",
  );

const kernels = (plan: string) => Number(/^(\d+) kernels,/m.exec(plan)![1]);

beforeEach(() => {
  discard();
  use(new Interpreter());
});

describe("values that a concat joins are computed to where they lie in it", () => {
  const weight = numbers(1, 4, 4);
  /** Three steps of a loop: each value is read by a product, and all are joined. */
  const steps = () => {
    const seen = [numbers(2, 3, 4).matmul(weight).tanh()];
    for (let i = 0; i < 2; i++) seen.push(seen.at(-1)!.matmul(weight).tanh());
    return seen;
  };

  it("so that stacking the states of a loop takes no kernel", async () => {
    const y = stack(steps()).reshape(9, 4).matmul(weight);
    expect(kernels(explainPlan(y))).toBe(3 + 3 + 1);
    await expectSame(y);
  });

  it("whatever axis they are joined along, and when the joined value is asked for", async () => {
    const rows = concat(steps(), 0);
    const columns = concat(steps(), 1);
    expect(kernels(explainPlan(columns))).toBe(3 + 3);
    await expectSame(rows, columns, columns.matmul(numbers(3, 12, 2)));
  });

  it("concats in concats included", async () => {
    const pairs = steps().map((h) => concat([h, h.exp()], 1));
    const read = pairs.map((pair) => pair.matmul(numbers(4, 8, 2)).sum());
    const y = concat(pairs, 0).matmul(numbers(5, 8, 3));
    expect(explainPlan(y, ...read)).not.toMatch(/map copy \[3/);
    await expectSame(y, ...read);
  });

  it("and kernels that make them still use them from registers", async () => {
    const x = numbers(6, 8, 4).matmul(weight);
    const a = x.tanh();
    const y = concat([a, a.mul(x), a.add(x).exp()], 1);
    expect(kernels(explainPlan(y))).toBe(2);
    await expectSame(y);
  });

  it("but for those that somebody asked for, that another concat holds, or that lie in another order", async () => {
    const [a, b, c] = steps() as [Tensor, Tensor, Tensor];
    const first = concat([a, b], 0);
    const second = concat([b, a, b, c], 1);
    const turned = numbers(7, 4, 3).transpose().add(1);
    const third = concat([turned, turned.matmul(weight).tanh(), b], 0);
    await expectSame(first.matmul(weight), second, c, third);
  });
});
