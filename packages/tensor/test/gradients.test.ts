import { describe, expect, test } from "vitest";
import { Parameter } from "../src/cell.js";
import { gradients } from "../src/gradients.js";
import { type Op, topological } from "../src/node.js";
import { matmul } from "../src/ops/contract.js";
import { detach } from "../src/ops/convert.js";
import { add, exp, lt, mul, where } from "../src/ops/elementwise.js";
import { take } from "../src/ops/gather.js";
import { tensor } from "../src/ops/generate.js";
import { slice } from "../src/ops/movement.js";
import { sum } from "../src/ops/reduce.js";
import type { Tensor } from "../src/tensor.js";
import { vjp } from "../src/vjp.js";
import { derivativeErrors, randomLeaf } from "./finiteDifferences.js";
import { cases, flat } from "./gradients/cases.js";
import { evaluate } from "./reference.js";

const elements = (t: Tensor) => [...evaluate(t).data];
const nodesOf = (...roots: Tensor[]) => topological(roots, () => false);
const count = (op: Op, ...roots: Tensor[]) => nodesOf(...roots).filter((node) => node.op === op).length;

describe("every derivative agrees with finite differences in f64", () => {
  for (const op of Object.keys(cases) as (keyof typeof cases)[]) {
    test(op, () => {
      for (const { build, inputs, order = 2 } of cases[op]()) {
        expect(count(op, build(...inputs)), `${op} is in the graph of its case`).toBeGreaterThan(0);
        for (const found of derivativeErrors(build, inputs, order)) {
          expect(found.error, `order ${found.order}, input ${found.input}`).toBeLessThan(1e-6);
        }
      }
    });
  }

  test("operations without a derivative are listed as flat, and only they", () => {
    const empty = (Object.keys(vjp) as Op[]).filter((op) => vjp[op] === null);
    expect(empty.sort()).toEqual([...flat].sort());
  });
});

describe("gradients", () => {
  test("of something used twice add up", () => {
    const x = tensor([1, 2, 3]);
    expect(elements(gradients(sum(add(mul(x, x), mul(x, 5))), [x])[0]!)).toEqual([7, 9, 11]);
  });

  test("of a tied parameter are one sum, asked for once or twice", () => {
    const weight = new Parameter(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      "weight",
    );
    const hidden = take(weight, tensor([1, 1, 0], { dtype: "i32" }));
    const loss = sum(matmul(hidden, weight));
    const [first, second] = gradients(loss, [weight, weight]) as [Tensor, Tensor];
    // d/dW of sum(E W): rows of W summed for E's rows, plus E's columns summed.
    expect(elements(first)).toEqual([3 + 7, 7 + 7, 2 * 3 + 10, 2 * 7 + 10]);
    expect(elements(second)).toEqual(elements(first));
  });

  test("of a broadcast operand are summed over the broadcast axes", () => {
    const x = randomLeaf([4, 3]);
    const bias = tensor([0, 0, 0]);
    const scale = tensor(2);
    const [b, s] = gradients(sum(mul(add(x, bias), scale)), [bias, scale]) as [Tensor, Tensor];
    expect(b.shape).toEqual([3]);
    expect(s.shape).toEqual([]);
    expect(elements(b)).toEqual([8, 8, 8]);
    expect(elements(s)[0]).toBeCloseTo(elements(sum(x))[0]!, 12);
  });

  test("are pure: the same call twice gives the same, and the graph of the loss is unchanged", () => {
    const x = tensor([0.5, 2]);
    const loss = sum(exp(x));
    const before = nodesOf(loss).length;
    expect(elements(gradients(loss, [x])[0]!)).toEqual(elements(gradients(loss, [x])[0]!));
    expect(nodesOf(loss)).toHaveLength(before);
  });

  test("of an intermediate are what arrives there", () => {
    const x = tensor([1, 2]);
    const middle = mul(x, 3);
    const [m, g] = gradients(sum(mul(middle, middle)), [middle, x]) as [Tensor, Tensor];
    expect(elements(m)).toEqual([6, 12]);
    expect(elements(g)).toEqual([18, 36]);
  });

  test("of the loss itself are one, or the seed", () => {
    const x = tensor([1, 2]);
    const y = mul(x, x);
    expect(elements(gradients(sum(y), [sum(y)], { unused: "zeros" })[0]!)).toEqual([0]);
    expect(elements(gradients(y, [y], { seed: tensor([3, 4]) })[0]!)).toEqual([3, 4]);
    expect(elements(gradients(y, [x], { seed: tensor([3, 4]) })[0]!)).toEqual([6, 16]);
  });

  test("visit only paths to what was asked for", () => {
    const x = tensor([1, 2]);
    const w = tensor([3, 4]);
    const [g] = gradients(sum(mul(exp(x), w)), [w]) as [Tensor];
    // exp(x) is read, not differentiated: one exp, and no product besides g * exp(x).
    expect(count("exp", g)).toBe(1);
    expect(count("mul", g)).toBe(1);
  });

  test("stop at detach", () => {
    const x = tensor([1, 2]);
    expect(elements(gradients(sum(mul(detach(x), x)), [x])[0]!)).toEqual([1, 2]);
    expect(() => gradients(sum(detach(mul(x, 2))), [x])).toThrow(
      "[gradients] the loss does not depend on tensor 0 [2]",
    );
  });

  test("of a mask are none, and the unused branch of where passes no NaN", () => {
    const x = tensor([-1, 4]);
    const safe = where(lt(x, 0), 0, x);
    expect(elements(gradients(sum(mul(safe, safe)), [x])[0]!)).toEqual([0, 8]);
  });

  test("a 20,000-node chain differentiates, also twice", () => {
    const x = tensor([0.5]);
    let y = x;
    for (let i = 0; i < 20_000; i++) y = mul(y, 0.9999);
    const loss = sum(mul(y, y));
    const [first] = gradients(loss, [x]) as [Tensor];
    const [second] = gradients(sum(first), [x]) as [Tensor];
    const factor = 0.9999 ** 40_000;
    expect(elements(first)[0]! / factor).toBeCloseTo(1, 8);
    expect(elements(second)[0]! / (2 * factor)).toBeCloseTo(1, 8);
  });

  test("slices of one tensor join to one concat", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    const parts = [slice(x, [2, 3]), slice(x, [0, 2])].map((part, i) => mul(part, i + 2));
    const [g] = gradients(sum(parts.map((p) => sum(p)).reduce((a, b) => add(a, b))), [x]) as [Tensor];
    expect(g.node.op).toBe("concat");
    expect(count("pad", g)).toBe(0);
    expect(elements(g)).toEqual([3, 3, 3, 3, 2, 2, 0, 0]);
  });

  test("overlapping, stepped and two-axis slices, and slices besides other uses, add up", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    const uses: Tensor[][] = [
      [slice(x, [0, 2]), slice(x, [1, 3])],
      [slice(x, [0, 3, 2]), slice(x, [1, 2])],
      [slice(x, [0, 2]), slice(x, null, [1, 2])],
      [slice(x, [0, 1]), x],
      [slice(x, [1, 1]), slice(x, [0, 2])],
    ];
    const expected = [
      [1, 1, 1, 3, 3, 3, 2, 2, 2],
      [1, 1, 1, 2, 2, 2, 1, 1, 1],
      [1, 3, 1, 1, 3, 1, 0, 2, 0],
      [3, 3, 3, 2, 2, 2, 2, 2, 2],
      [2, 2, 2, 2, 2, 2, 0, 0, 0],
    ];
    uses.forEach(([a, b], i) => {
      const [g] = gradients(add(sum(a!), mul(sum(b!), 2)), [x]) as [Tensor];
      expect(elements(g), `use ${i}`).toEqual(expected[i]);
    });
  });
});

describe("gradients refuses", () => {
  const x = tensor([1, 2]);

  test("a loss that is no scalar", () => {
    expect(() => gradients(mul(x, 2), [x])).toThrow(
      "[gradients] the loss has shape [2], expected one number. Take its mean() or sum()?",
    );
  });

  test("a loss of whole numbers", () => {
    expect(() => gradients(tensor(1, { dtype: "i32" }), [x])).toThrow(
      "[gradients] the loss has dtype i32, only floats have derivatives.",
    );
  });

  test("a seed of another shape", () => {
    expect(() => gradients(mul(x, 2), [x], { seed: tensor([1, 2, 3]) })).toThrow(
      "[gradients] the seed has shape [3], the loss [2].",
    );
  });

  test("what the loss does not depend on, unless zeros are asked for", () => {
    const unused = new Parameter(tensor([[1, 2]]), "head.bias");
    expect(() => gradients(sum(x), [x, unused])).toThrow("[gradients] the loss does not depend on head.bias [1, 2].");
    const [, zero] = gradients(sum(x), [x, unused], { unused: "zeros" }) as [Tensor, Tensor];
    expect(zero.shape).toEqual([1, 2]);
    expect(elements(zero)).toEqual([0, 0]);
  });
});
