import { describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { gradients } from "../../src/gradients.js";
import { add, div, log, mul, neg, sub } from "../../src/ops/elementwise.js";
import { tensor } from "../../src/ops/generate.js";
import { sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { backends, planned, reference } from "../engines.js";
import { evaluate } from "../reference.js";

// The arithmetic of the course's lessons, done by hand there and in its spreadsheets.

const labels = [1, 0, 0, 1];
const predictions = [0.9, 0.1, 0.2, 0.8];

/** -mean(y log p + (1 - y) log(1 - p)), as lesson 3 writes it. */
function binaryLogLoss(y: Tensor, p: Tensor): Tensor {
  const each = add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p))));
  return neg(div(sum(each), y.size));
}

/** The spreadsheet of lesson 5: y = a x + b by squared error, one row at a time. */
function gradientStep(a: Tensor, b: Tensor, x: number, y: number, rate: number) {
  const error = sub(add(mul(a, x), b), y);
  const loss = mul(error, error);
  const [da, db] = gradients(loss, [a, b]) as [Tensor, Tensor];
  return { loss, da, db, a: sub(a, mul(da, rate)), b: sub(b, mul(db, rate)) };
}

test("the mean binary log loss is 0.164252033486018 in double precision", () => {
  const y = tensor(labels);
  const p = tensor(predictions);
  const exact = new Map([[p.node, Float64Array.from(predictions)]]);
  expect(evaluate(binaryLogLoss(y, p), { override: exact }).data[0]).toBeCloseTo(0.164252033486018, 15);
});

describe.each([reference, ...backends().map((backend) => planned(backend))])(
  "the course's arithmetic on $name",
  (engine) => {
    const read = async (...values: Tensor[]) => (await engine.read(values)).map((data) => data[0]!);

    test("the mean binary log loss, and its gradient (p - y) / p (1 - p) / 4", async () => {
      const p = tensor(predictions);
      const loss = binaryLogLoss(tensor(labels), p);
      const [value, slope] = await engine.read([loss, gradients(loss, [p])[0]!]);
      expect(value![0]).toBeCloseTo(0.164252033486018, 7);
      for (const [i, q] of predictions.entries())
        expect(slope![i]).toBeCloseTo((q - labels[i]!) / (q * (1 - q)) / 4, 5);
    });

    test("the spreadsheet's first step: from a = b = 1 on the row (14, 58)", async () => {
      const { loss, da, db, a, b } = gradientStep(tensor(1), tensor(1), 14, 58, 1e-4);
      const [error, slopeA, slopeB, nextA, nextB] = await read(loss, da, db, a, b);
      expect(error).toBe(1849);
      expect(slopeA).toBe(-1204);
      expect(slopeB).toBe(-86);
      expect(nextA).toBeCloseTo(1.1204, 6);
      expect(nextB).toBeCloseTo(1.0086, 6);
    });

    test("the spreadsheet's finite differences: b or a moved by 0.1", async () => {
      const moved = (a: number, b: number) => gradientStep(tensor(a), tensor(b), 14, 58, 1e-4).loss;
      const [byB, byA] = await read(moved(1, 1.1), moved(1.1, 1));
      expect(byB).toBeCloseTo(1840.41, 2);
      expect(byA).toBeCloseTo(1730.56, 2);
    });

    test("the spreadsheet's second step: the row (86, 202)", async () => {
      const first = gradientStep(tensor(1), tensor(1), 14, 58, 1e-4);
      const second = gradientStep(first.a, first.b, 86, 202, 1e-4);
      const [a, b] = await read(second.a, second.b);
      const slope = 2 * (1.1204 * 86 + 1.0086 - 202);
      expect(a).toBeCloseTo(1.1204 - 1e-4 * 86 * slope, 5);
      expect(b).toBeCloseTo(1.0086 - 1e-4 * slope, 5);
    });
  },
);
