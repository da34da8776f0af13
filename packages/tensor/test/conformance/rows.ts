import type { Op } from "../../src/node.js";
import * as contract from "../../src/ops/contract.js";
import { cast, constant, detach, expand, reshape } from "../../src/ops/convert.js";
import * as elementwise from "../../src/ops/elementwise.js";
import { checkFinite, gather, scatterAdd, sort } from "../../src/ops/gather.js";
import { iota, rand } from "../../src/ops/generate.js";
import { concat, flip, padRaw, permute, slice, transpose } from "../../src/ops/movement.js";
import { batchNormTraining } from "../../src/ops/normalization.js";
import { amax, argmax, sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import type { GoldenParams } from "./golden.js";

/** How a golden case of an operation is computed: its outputs from its inputs and parameters. */
export type Row = (x: readonly Tensor[], params: GoldenParams) => readonly Tensor[];

const unary =
  (f: (x: Tensor) => Tensor): Row =>
  ([x]) => [f(x!)];
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Row =>
  ([a, b]) => [f(a!, b!)];

/** One row an operation; an operation without a row does not compile. */
export const rows: { [O in Op]: Row } = {
  leaf: ([x]) => [x!],
  constant: (_, { value, dtype }) => [constant(value, dtype)],
  iota: (_, { length }) => [iota(length)],
  random: (_, { shape }) => [rand(shape)],
  detach: unary(detach),
  checkFinite: unary((x) => checkFinite(x)),
  customGradient: ([x, weight, bias]) => [batchNormTraining(x!, { weight: weight!, bias: bias! }).y],

  neg: unary(elementwise.neg),
  recip: unary(elementwise.recip),
  exp: unary(elementwise.exp),
  log: unary(elementwise.log),
  sin: unary(elementwise.sin),
  cos: unary(elementwise.cos),
  sqrt: unary(elementwise.sqrt),
  tanh: unary(elementwise.tanh),
  sigmoid: unary(elementwise.sigmoid),
  erf: unary(elementwise.erf),
  atan: unary(elementwise.atan),
  floor: unary(elementwise.floor),
  abs: unary(elementwise.abs),
  sign: unary(elementwise.sign),
  cast: ([x], { to }) => [cast(x!, to)],

  add: binary(elementwise.add),
  mul: binary(elementwise.mul),
  div: binary(elementwise.div),
  max: binary(elementwise.maximum),
  lt: binary(elementwise.lt),
  eq: binary(elementwise.eq),
  where: ([c, a, b]) => [elementwise.where(c!, a!, b!)],

  sum: ([x], { axes, keepDims }) => [sum(x!, axes, { keepDims })],
  maxReduce: ([x], { axes, keepDims }) => [amax(x!, axes, { keepDims })],
  argmax: ([x], { axis }) => [argmax(x!, axis)],

  reshape: ([x], { shape }) => [reshape(x!, shape)],
  permute: ([x], { order }) => [permute(x!, order)],
  expand: ([x], { shape }) => [expand(x!, shape)],
  pad: ([x], { before, after, interior, value }) => [padRaw(x!, before, after, { interior, value })],
  slice: ([x], { ranges }) => [slice(x!, ...ranges)],
  flip: ([x], { axes }) => [flip(x!, axes)],
  concat: (x, { axis }) => [concat(x, axis)],

  matmul: ([a, b], { transpose: [left, right] }) => [
    contract.matmul(left ? transpose(a!) : a!, right ? transpose(b!) : b!),
  ],
  conv2d: ([x, w], options) => [contract.conv2d(x!, w!, options)],
  conv2dInput: ([dy, w], params) => [contract.conv2dInput(dy!, w!, params.shape, params)],
  conv2dWeight: ([x, dy], params) => [contract.conv2dWeight(x!, dy!, params.shape, params)],
  pool: ([x], { kind, kernel, ...options }) => [
    kind === "max" ? contract.maxPool2d(x!, kernel, options) : contract.avgPool2d(x!, kernel, options),
  ],
  poolBack: ([x, dy], params) => [contract.poolBack(x!, dy!, params)],

  gather: ([x, index], { axis }) => [gather(x!, axis, index!)],
  scatterAdd: ([index, source], { axis, size }) => [scatterAdd(index!, source!, axis, size)],
  sort: ([x], { descending }) => {
    const { values, indices } = sort(x!, -1, { descending });
    return [values, indices];
  },
};
