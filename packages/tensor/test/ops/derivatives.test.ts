import { expect, test } from "vitest";
import * as ops from "../../src/index.js";
import type { Tensor } from "../../src/tensor.js";
import { derivativeErrors, randomLeaf } from "../finiteDifferences.js";

/** Composites whose derivatives come about by cancellation, detaching or choosing branches: first and second derivatives against f64 differences. */
const smooth: [name: string, build: (...x: Tensor[]) => Tensor, ...inputs: Tensor[]][] = [
  ["asin", ops.asin, randomLeaf([5], { low: -0.9, high: 0.9 })],
  ["acos", ops.acos, randomLeaf([5], { low: -0.9, high: 0.9 })],
  ["atan2", ops.atan2, randomLeaf([8]), randomLeaf([8], { seed: 2 })],
  ["asinh", ops.asinh, randomLeaf([5], { low: -3, high: 3 })],
  ["acosh", ops.acosh, randomLeaf([5], { low: 1.5, high: 3 })],
  ["atanh", ops.atanh, randomLeaf([5], { low: -0.8, high: 0.8 })],
  ["sinh", ops.sinh, randomLeaf([5])],
  ["expm1", ops.expm1, randomLeaf([8])],
  ["log1p", ops.log1p, randomLeaf([8], { low: -0.7 })],
  ["pow 3", (x) => ops.pow(x, 3), randomLeaf([5])],
  ["pow 1.7", (x) => ops.pow(x, 1.7), randomLeaf([5], { low: 0.3 })],
  ["pow -2.5", (x) => ops.pow(x, -2.5), randomLeaf([5], { low: 0.5 })],
  ["pow of tensors", ops.pow, randomLeaf([5], { low: 0.5, high: 2 }), randomLeaf([5], { low: -2, high: 2 })],
  ["variance", (x) => ops.variance(x, 1), randomLeaf([3, 4])],
  ["std", (x) => ops.std(x, 0), randomLeaf([4, 2])],
  ["norm", (x) => ops.norm(x, 1), randomLeaf([3, 4])],
  ["norm 3", (x) => ops.norm(x, 1, { p: 3 }), randomLeaf([3, 4], { low: 0.2 })],
  ["logsumexp", (x) => ops.logsumexp(x, 1), randomLeaf([3, 4])],
  ["softmax", (x) => ops.softmax(x, 1), randomLeaf([3, 4])],
  ["logSoftmax", (x) => ops.logSoftmax(x, 0), randomLeaf([3, 4])],
  ["prod", (x) => ops.prod(x, 1), randomLeaf([2, 5])],
  ["cumsum", (x) => ops.square(ops.cumsum(x, 1)), randomLeaf([2, 5])],
  ["cumprod", (x) => ops.cumprod(x, 1), randomLeaf([2, 5])],
  ["elu", (x) => ops.elu(x), randomLeaf([8], { low: -3, high: 3 })],
  ["selu", (x) => ops.selu(x), randomLeaf([8], { low: -3, high: 3 })],
  ["gelu", (x) => ops.gelu(x), randomLeaf([8], { low: -3, high: 3 })],
  ["gelu tanh", (x) => ops.gelu(x, { approximate: "tanh" }), randomLeaf([8], { low: -3, high: 3 })],
  ["mish", ops.mish, randomLeaf([8], { low: -3, high: 3 })],
  ["softplus", (x) => ops.softplus(x, { beta: 2 }), randomLeaf([8], { low: -3, high: 3 })],
  ["logSigmoid", ops.logSigmoid, randomLeaf([8], { low: -3, high: 3 })],
  ["glu", (x) => ops.glu(x), randomLeaf([2, 6])],
  ["layerNorm", (x, w) => ops.layerNorm(x, 4, { weight: w }), randomLeaf([3, 4]), randomLeaf([4], { seed: 2 })],
  ["groupNorm", (x) => ops.groupNorm(x, 2), randomLeaf([2, 4, 3])],
  [
    "batchNorm",
    (x, m, v) => ops.batchNorm(x, { mean: m, variance: v }),
    randomLeaf([2, 3, 2]),
    randomLeaf([3]),
    randomLeaf([3], { low: 0.5, high: 2 }),
  ],
  [
    "convTranspose2d",
    (x, w) => ops.convTranspose2d(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
    randomLeaf([1, 2, 3, 3]),
    randomLeaf([2, 2, 3, 3], { seed: 2 }),
  ],
  ["unfold", (x) => ops.square(ops.unfold(x, 2, { padding: 1 })), randomLeaf([1, 2, 3, 3])],
  ["interpolate", (x) => ops.square(ops.interpolate(x, { size: [5, 4], mode: "bilinear" })), randomLeaf([1, 2, 3, 3])],
  [
    "gridSample",
    (x, g) => ops.gridSample(x, g),
    randomLeaf([1, 2, 4, 4]),
    randomLeaf([1, 2, 3, 2], { low: -1.1, high: 1.1, seed: 3 }),
  ],
  ["cosineSimilarity", (a, b) => ops.cosineSimilarity(a, b), randomLeaf([2, 4]), randomLeaf([2, 4], { seed: 2 })],
  ["cdist", (a, b) => ops.cdist(a, b), randomLeaf([3, 2]), randomLeaf([2, 2], { seed: 2 })],
  [
    "einsum",
    (a, b, c) => ops.einsum("bn,anm,bm->ba", [a, b, c]),
    randomLeaf([2, 3]),
    randomLeaf([2, 3, 2], { seed: 2 }),
    randomLeaf([2, 2], { seed: 3 }),
  ],
];

test.each(smooth)("first and second derivatives of %s", (_, build, ...inputs) => {
  for (const { order, input, error } of derivativeErrors(build, inputs, 2)) {
    expect(error, `order ${order}, input ${input}`).toBeLessThan(1e-5);
  }
});
