import { afterEach, describe, expect, test } from "vitest";
import { NullBackend } from "../../src/backends/null/null.js";
import { Parameter } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { crossEntropy, linearCrossEntropy } from "../../src/nn/index.js";
import { matmul } from "../../src/ops/contract.js";
import { add, mul } from "../../src/ops/elementwise.js";
import { tensor, zeros } from "../../src/ops/generate.js";
import { transpose } from "../../src/ops/movement.js";
import { sum } from "../../src/ops/reduce.js";
import { Generator } from "../../src/random.js";
import { backend, realize, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { engines, expectClose, golden, type Packed, unpack } from "./golden.js";

interface Case {
  reduction: "mean" | "sum" | "none";
  target: Packed;
  value: Packed;
  seed: Packed;
  inputs: Record<string, Packed>;
  gradients: Record<string, Packed>;
}

const cases = golden<Case[]>("linearCrossEntropy.json");

describe.each(engines)("agrees with PyTorch ($name)", (engine) => {
  describe.each([1, 4, 64, undefined])("in chunks of %s classes", (chunk) => {
    test.each(cases.map((c) => [`${JSON.stringify(c.inputs.input!.shape)} ${c.reduction}`, c] as const))(
      "%s",
      async (_, c) => {
        const inputs = Object.entries(c.inputs).map(([name, packed]) => [name, unpack(packed)] as const);
        const { input, weight, bias } = Object.fromEntries(inputs) as Record<string, Tensor>;
        const options = { weight: weight!, bias, reduction: c.reduction, ...(chunk && { chunk }) };
        const value = linearCrossEntropy(input!, unpack(c.target), options);
        const slopes = gradients(
          sum(mul(value, unpack(c.seed))),
          inputs.map(([, t]) => t),
        );
        const [found, ...rest] = await engine.read([value, ...slopes]);
        expectClose(engine, "the loss", value, found!, c.value);
        inputs.forEach(([name], i) => {
          expectClose(engine, `the gradient of ${name}`, slopes[i]!, rest[i]!, c.gradients[name]!);
        });
      },
    );
  });
});

describe("memory for 35,000 classes", () => {
  const before = backend();
  afterEach(() => use(before));

  const [rows, features, classes] = [2048, 64, 35_000];
  const logitBytes = rows * classes * 4;

  /** Bytes of scratch that a loss and its gradients take, beside parameters and gradients. */
  function scratchBytes(
    loss: (x: Tensor, weight: Tensor, bias: Tensor, y: Tensor) => Tensor,
    order = [0, 1, 2],
  ): number {
    const device = use(new NullBackend()) as NullBackend;
    const [x, weight, bias] = [[rows, features], [classes, features], [classes]].map(
      (shape) => new Parameter(tensor(new Float32Array(shape.reduce((a, b) => a * b)), { shape })),
    ) as [Parameter, Parameter, Parameter];
    const value = loss(x.value, weight.value, bias.value, zeros([rows], { dtype: "i32" }));
    const all = gradients(value, [x, weight, bias]);
    void realize(value, ...order.map((i) => all[i]!));
    return device.memory().scratchBytes;
  }

  test.each([[[0, 1, 2]], [[1, 0, 2]], [[2, 1, 0]]])(
    "linearCrossEntropy takes less than a quarter of the logits, whichever gradient is asked for first: %s",
    (order) => {
      const loss = (x: Tensor, weight: Tensor, bias: Tensor, y: Tensor) => linearCrossEntropy(x, y, { weight, bias });
      expect(scratchBytes(loss, order)).toBeLessThan(logitBytes / 4);
    },
  );

  test("crossEntropy takes the logits, whose memory their gradient takes over, and little else", () => {
    const bytes = scratchBytes((x, weight, bias, y) => crossEntropy(add(matmul(x, transpose(weight)), bias), y));
    expect(bytes).toBeGreaterThanOrEqual(logitBytes);
    expect(bytes).toBeLessThan(logitBytes * 1.05);
  });
});

test("equals the plain form where logits are large, masked, and of both types of target", async () => {
  const generator = new Generator(3);
  const [rows, features, classes] = [33, 20, 300];
  const normal = (shape: number[], scale: number) =>
    tensor(
      Float32Array.from({ length: shape[0]! * shape[1]! }, () => generator.normal() * scale),
      { shape },
    );
  const x = normal([rows, features], 8);
  const weight = normal([classes, features], 1);
  // The first two chunks of 100 and half of the third are out of the question.
  const bias = tensor(Float32Array.from({ length: classes }, (_, i) => (i < 250 ? Number.NEGATIVE_INFINITY : i / 100)));
  for (const dtype of ["i32", "u8"] as const) {
    const y = tensor(
      Array.from({ length: rows }, (_, i) => 250 + (i % 5)),
      { dtype },
    );
    const chunked = linearCrossEntropy(x, y, { weight, bias, chunk: 100 });
    const plain = crossEntropy(add(matmul(x, transpose(weight)), bias), y);
    const [a, b] = [await chunked.item(), await plain.item()];
    expect(a).toBeCloseTo(b, 4);
    const [found, wanted] = [chunked, plain].map((loss) => gradients(loss, [x, weight]));
    for (const i of [0, 1]) {
      const [one, other] = [await found![i]!.data(), await wanted![i]!.data()];
      const largest = Math.max(...Array.from(one, (v, k) => Math.abs(v - other[k]!)));
      expect(largest).toBeLessThan(2e-5);
    }
  }
});

test("bad input is an error that says what to do", async () => {
  const y = zeros([4], { dtype: "i32" });
  const of = (x: Tensor, target: Tensor, weight: Tensor, more = {}) =>
    linearCrossEntropy(x, target, { weight, ...more });
  expect(() => of(zeros([4, 3]), y, zeros([3, 9]))).toThrow(
    "[linearCrossEntropy] the input has shape [4, 3], the weight [3, 9]; expected [..., F] and [C, F]. Transpose the weight?",
  );
  expect(() => of(zeros([4, 3]), y, zeros([9, 3]), { bias: zeros([3]) })).toThrow(
    "the bias has shape [3], expected [9]",
  );
  expect(() => of(zeros([4, 3]), zeros([4]), zeros([9, 3]))).toThrow('target.cast("i32")?');
  expect(() => of(zeros([2, 2, 3]), y, zeros([9, 3]))).toThrow("the targets have shape [4], expected [2, 2]");
  expect(() => of(zeros([4, 3]), y, zeros([9, 3]), { chunk: 0 })).toThrow("chunk is 0, expected a whole number");
  await expect(of(zeros([4, 3]), tensor([0, 1, 9, 2], { dtype: "i32" }), zeros([9, 3])).item()).rejects.toThrow("9");
});
