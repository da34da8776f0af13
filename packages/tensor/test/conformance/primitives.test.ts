import { describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { gradients } from "../../src/gradients.js";
import { type Op, topological } from "../../src/node.js";
import { add, mul } from "../../src/ops/elementwise.js";
import { zeros } from "../../src/ops/generate.js";
import { sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { compare } from "../compare.js";
import { builds, planned, reference } from "../engines.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { type GoldenArray, type GoldenCase, leafOf, readGolden, seedOf } from "./golden.js";
import { rows } from "./rows.js";

const golden = readGolden();
const ops = Object.keys(rows) as Op[];
const engines = [reference, planned(new Interpreter()), ...builds()];

/** What a case computes: outputs, then the gradients of its f32 inputs (zeros where PyTorch has none). */
function compute(op: Op, { inputs, params, gradients: expected }: GoldenCase): { values: Tensor[]; inner: Tensor[] } {
  const x = inputs.map(leafOf);
  const outputs = rows[op](x, params);
  const weighted = outputs.filter((y) => y.dtype === "f32").map((y) => sum(mul(y, leafOf(seedOf(y.shape, y.size)))));
  const wanted = x.filter((_, i) => expected[i] !== undefined);
  if (wanted.length === 0) return { values: [...outputs], inner: [...outputs] };
  const loss = weighted.reduce((a, b) => add(a, b));
  return { values: [...outputs, ...gradients(loss, wanted, { unused: "zeros" })], inner: [...outputs] };
}

/** The golden values of `compute`. */
function wantedOf({ outputs, gradients: expected }: GoldenCase): GoldenArray[] {
  return [...outputs, ...expected.filter((g) => g !== undefined)];
}

test("every operation has golden cases, but for random numbers, which have known answers", () => {
  expect(ops.filter((op) => golden[op] === undefined)).toEqual(["random"]);
  expect(Object.keys(golden).filter((op) => !ops.includes(op as Op))).toEqual([]);
});

describe.each(engines)("$name agrees with PyTorch", (engine) => {
  for (const [op, cases] of Object.entries(golden) as [Op, GoldenCase[]][]) {
    test(op, async () => {
      let reached = false;
      for (const row of cases) {
        const { values, inner } = compute(op, row);
        reached ||= topological(inner, () => false).some((node) => node.op === op);
        const wanted = wantedOf(row);
        expect(
          values.map(({ shape, dtype }) => ({ shape, dtype })),
          row.name,
        ).toEqual(wanted.map(({ shape, dtype }) => ({ shape, dtype })));
        const found = await engine.read(values);
        wanted.forEach(({ dtype, data }, k) => {
          const worst = compare(dtype, found[k]!, data);
          const what = k < row.outputs.length ? `output ${k}` : `gradient ${k - row.outputs.length}`;
          expect(worst?.error ?? 0, `${row.name}: ${what} ${JSON.stringify(worst)}`).toBeLessThan(engine.tolerance);
        });
      }
      expect(reached, `a case of ${op} contains a node ${op}`).toBe(true);
    });
  }

  test("f32 to whole numbers saturates, and NaN gives 0", async () => {
    const x: GoldenArray = { dtype: "f32", shape: [6], data: [3e9, -3e9, Infinity, -Infinity, NaN, -0.5] };
    const [found] = await engine.read(rows.cast([leafOf(x)], { to: "i32" } as never));
    expect([...(found as Int32Array)]).toEqual([2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 0, 0]);
  });

  test("zeros of every dtype", async () => {
    for (const dtype of ["f32", "i32", "u8", "bool"] as const) {
      const [found] = await engine.read([zeros([2, 2], { dtype })]);
      expect([...Array.from(found!)]).toEqual([0, 0, 0, 0]);
    }
  });
});
