import { expect, test } from "vitest";
import * as ops from "../../src/index.js";

const matrix = ops.zeros([2, 3]);
const image = ops.zeros([1, 2, 4, 5]);

/** Calls that are refused, with what their message has to say. */
const refused: [name: string, call: () => unknown, message: RegExp][] = [
  ["atan2", () => ops.atan2(matrix, ops.zeros([4])), /shapes \[2, 3\] and \[4\] do not broadcast/],
  ["mean", () => ops.mean(matrix, 2), /axis 2 is out of range/],
  ["max", () => ops.max(matrix, 5), /axis 5 is out of range/],
  ["max", () => ops.max(ops.zeros([0, 2]), 0), /no elements along axes \[0\]/],
  ["amin", () => ops.amin(ops.zeros([0])), /no elements/],
  ["topK", () => ops.topK(matrix, 4), /\[topK\] k 4 .* \[2, 3\]/],
  ["median", () => ops.median(ops.zeros([2, 0])), /\[median\] \[2, 0\] has no elements/],
  ["softmax", () => ops.softmax(matrix, -3), /\[softmax\] axis -3 is out of range/],
  ["cumsum", () => ops.cumsum(matrix, 2), /\[cumsum\] axis 2/],
  ["prelu", () => ops.prelu(matrix, ops.zeros([2])), /\[prelu\] a weight \[2\]/],
  ["glu", () => ops.glu(matrix), /\[glu\] axis -1 of \[2, 3\] has 3 elements/],
  ["stack", () => ops.stack([]), /at least one tensor/],
  ["stack", () => ops.stack([matrix, ops.zeros([3])]), /\[stack\] tensor 1 has shape \[3\], the first has \[2, 3\]/],
  ["split", () => ops.split(matrix, [1, 1], 1), /\[split\] sizes \[1, 1\] do not add up to the 3 elements/],
  ["split", () => ops.split(matrix, 0), /size 0/],
  ["chunk", () => ops.chunk(matrix, 0), /count 0/],
  ["repeat", () => ops.repeat(matrix, [-1]), /counts \[-1\]/],
  ["repeatInterleave", () => ops.repeatInterleave(matrix, [1, 2], 1), /counts \[1, 2\] for axis 1/],
  ["roll", () => ops.roll(matrix, [1, 2], 0), /2 shifts for 1 axes/],
  ["meshgrid", () => ops.meshgrid([matrix]), /tensor 0 has shape \[2, 3\], expected a vector/],
  ["tril", () => ops.tril(ops.zeros([3])), /\[tril\] \[3\] is no matrix/],
  ["diag", () => ops.diag(image), /\[diag\].* Use diagonal\(\)\?/],
  ["diagonal", () => ops.diagonal(matrix, { axes: [0, -2] }), /axes 0 and -2/],
  ["oneHot", () => ops.oneHot(matrix, 3), /\[oneHot\] the index has dtype f32/],
  ["indexSelect", () => ops.indexSelect(matrix, 0, ops.zeros([1, 1], { dtype: "i32" })), /expected a vector/],
  ["takeAlongAxis", () => ops.takeAlongAxis(matrix, ops.zeros([2], { dtype: "i32" }), 0), /differ in rank/],
  ["embedding", () => ops.embedding(ops.zeros([2], { dtype: "i32" }), matrix, { paddingIndex: 2 }), /paddingIndex 2/],
  ["pad", () => ops.pad(matrix, [1]), /\[pad\] padding \[1\]/],
  ["pad", () => ops.pad(matrix, [-2, -2]), /cuts more than there is/],
  [
    "pad",
    () => ops.pad(matrix, [3, 0], { mode: "reflect" }),
    /mode "reflect" cannot add 3 and 0 to the 3 elements of axis 1: from 0 to 2/,
  ],
  [
    "conv1d",
    () => ops.conv1d(matrix, ops.zeros([1, 3, 2])),
    /\[conv1d\] the input has shape \[2, 3\], expected \[N, C, L\]/,
  ],
  ["convTranspose2d", () => ops.convTranspose2d(image, ops.zeros([3, 2, 2, 2])), /has 2 channels/],
  [
    "convTranspose2d",
    () => ops.convTranspose2d(image, ops.zeros([2, 2, 2, 2]), { outputPadding: 1 }),
    /outputPadding \[1, 1\]/,
  ],
  ["unfold", () => ops.unfold(image, 6), /does not fit an image \[4, 5\]/],
  ["maxPool1d", () => ops.maxPool1d(matrix, 2), /\[maxPool1d\] the input has shape \[2, 3\]/],
  ["adaptiveAvgPool2d", () => ops.adaptiveAvgPool2d(matrix, 2), /\[adaptiveAvgPool2d\]/],
  ["adaptiveMaxPool2d", () => ops.adaptiveMaxPool2d(image, 0), /size 0/],
  ["interpolate", () => ops.interpolate(image, {}), /one of size and scale/],
  ["interpolate", () => ops.interpolate(image, { size: 3, mode: "linear" }), /mode "linear"/],
  [
    "gridSample",
    () => ops.gridSample(image, ops.zeros([2, 1, 1, 2])),
    /\[gridSample\] an image \[1, 2, 4, 5\] and a grid/,
  ],
  ["affineGrid", () => ops.affineGrid(ops.zeros([1, 3, 3]), [1, 1, 2, 2]), /\[affineGrid\] theta \[1, 3, 3\]/],
  [
    "batchNorm",
    () => ops.batchNorm(image, { mean: ops.zeros([3]), variance: ops.ones([2]) }),
    /\[batchNorm\] \[3\] fits not the 2 channels/,
  ],
  ["layerNorm", () => ops.layerNorm(matrix, [2]), /\[layerNorm\] the last axes of \[2, 3\]/],
  ["groupNorm", () => ops.groupNorm(image, 3), /3 groups do not divide the 2 channels/],
  ["instanceNorm", () => ops.instanceNorm(matrix), /\[instanceNorm\]/],
  ["linear", () => ops.linear(matrix, ops.zeros([4, 2])), /\[linear\] an input \[2, 3\] and a weight \[4, 2\]/],
  ["cdist", () => ops.cdist(matrix, ops.zeros([2, 4])), /\[cdist\]/],
  ["einsum", () => ops.einsum("ij,jk->ik", [matrix]), /2 terms for 1 tensors/],
  ["einsum", () => ops.einsum("ij,jk->ik", [matrix, matrix]), /"j" has size 3 in one operand and 2 in another/],
  ["einsum", () => ops.einsum("ij->ik", [matrix]), /"k" is in no operand/],
  ["einsum", () => ops.einsum("ijk->i", [matrix]), /names 3 axes of a tensor with 2/],
  ["dropout", () => ops.dropout(matrix, 1.5), /p 1.5 is no probability/],
  ["randperm", () => ops.randperm(-1), /-1/],
  ["multinomial", () => ops.multinomial(ops.ones([3]), 4), /cannot draw 4 of 3 classes/],
];

test.each(refused)("%s refuses %#", (name, call, message) => {
  expect(call).toThrow(ops.TensorError);
  expect(call).toThrow(message);
  try {
    call();
  } catch (error) {
    expect((error as ops.TensorError).op).toBe(name);
  }
});
