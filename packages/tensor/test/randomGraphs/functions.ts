import { gradients } from "../../src/gradients.js";
import { leaf as leafNode } from "../../src/node.js";
import { avgPool2d, conv2d, conv2dInput, matmul, maxPool2d } from "../../src/ops/contract.js";
import { cast, constant, detach, expand, reshape } from "../../src/ops/convert.js";
import * as elementwise from "../../src/ops/elementwise.js";
import { checkFinite, gather, scatterAdd, sort, take } from "../../src/ops/gather.js";
import { iota, rand, randomBits } from "../../src/ops/generate.js";
import { concat, flip, padRaw, permute, slice } from "../../src/ops/movement.js";
import { batchNormTraining } from "../../src/ops/normalization.js";
import { amax, argmax, sum } from "../../src/ops/reduce.js";
import { Generator } from "../../src/random.js";
import { type Shape, sizeOf } from "../../src/shape.js";
import type { Tensor } from "../../src/tensor.js";
import { randomLeaf } from "../finiteDifferences.js";

function whole(shape: Shape, seed: number, low: number, high: number): Int32Array {
  const generator = new Generator(seed, 8);
  return Int32Array.from({ length: sizeOf(shape) }, () => low + generator.below(high - low + 1));
}

const mean = (x: Tensor, axes: number[]) =>
  elementwise.div(sum(x, axes, { keepDims: true }), Math.max(1, sizeOf(axes.map((a) => x.shape[a]!))));

/** What the steps of a random program may call; arguments are tensors and plain data. */
export const functions = {
  /** Random f32, i32, bool and u8 leaves. */
  leaf: (shape: Shape, seed: number, low: number, high: number) => randomLeaf(shape, { seed, low, high }),
  wholeLeaf: (shape: Shape, seed: number, low: number, high: number) =>
    leafNode(whole(shape, seed, low, high), shape, "i32"),
  boolLeaf: (shape: Shape, seed: number) => leafNode(Uint8Array.from(whole(shape, seed, 0, 1)), shape, "bool"),
  byteLeaf: (shape: Shape, seed: number) => leafNode(Uint8Array.from(whole(shape, seed, 0, 255)), shape, "u8"),
  constant,
  iota,
  rand,
  randomBits,

  ...elementwise,
  cast,
  detach,
  checkFinite,

  sum,
  amax,
  argmax,

  reshape,
  permute,
  expand,
  pad: (x: Tensor, before: number[], after: number[], interior: number[], value: number) =>
    padRaw(x, before, after, { interior, value }),
  slice,
  flip,
  concat,

  matmul,
  conv2d,
  conv2dInput,
  maxPool2d,
  avgPool2d,
  gather,
  take,
  scatterAdd,
  sorted: (x: Tensor, axis: number, descending: boolean) => {
    const { values, indices } = sort(x, axis, { descending });
    return [values, indices];
  },

  /** Patterns that planners treat specially. */
  softmax: (x: Tensor, axis: number) => {
    const e = elementwise.exp(elementwise.sub(x, amax(x, axis, { keepDims: true })));
    return elementwise.div(e, sum(e, axis, { keepDims: true }));
  },
  normalized: (x: Tensor, axes: number[]) => {
    const centered = elementwise.sub(x, mean(x, axes));
    const variance = mean(elementwise.mul(centered, centered), axes);
    return elementwise.div(centered, elementwise.sqrt(elementwise.add(variance, 0.1)));
  },

  batchNorm: (x: Tensor) => batchNormTraining(x, { epsilon: 0.1 }).y,

  /** Gradients of a weighted sum of f32 tensors with respect to leaves. */
  gradients: (of: readonly Tensor[], leaves: readonly Tensor[]) =>
    gradients(
      of
        .map((y, i) => sum(elementwise.mul(y, randomLeaf(y.shape, { seed: i, low: 0.2 }))))
        .reduce((a, b) => elementwise.add(a, b)),
      leaves,
      { unused: "zeros" },
    ),
  /** One of the results of `sorted` or `gradients`. */
  at: (list: readonly Tensor[], index: number) => list[index]!,
} as const;

export type FunctionName = keyof typeof functions;
