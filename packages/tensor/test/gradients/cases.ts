import type { ConvParams, PoolParams } from "../../src/backend.js";
import { type CrossEntropyOptions, crossEntropy } from "../../src/nn/crossEntropy.js";
import { runSequence } from "../../src/nn/recurrentSequence.js";
import { gruStep, lstmStep, rnnStep } from "../../src/nn/recurrentStep.js";
import type { Op } from "../../src/node.js";
import { avgPool2d, conv2d, conv2dInput, conv2dWeight, matmul, maxPool2d, poolBack } from "../../src/ops/contract.js";
import { cast, expand, reshape } from "../../src/ops/convert.js";
import * as elementwise from "../../src/ops/elementwise.js";
import { checkFinite, customGradient, gather, scatterAdd, sort } from "../../src/ops/gather.js";
import { tensor } from "../../src/ops/generate.js";
import { concat, flip, padRaw, permute, slice } from "../../src/ops/movement.js";
import { batchNormTraining } from "../../src/ops/normalization.js";
import { amax, sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { randomLeaf } from "../finiteDifferences.js";

/** The operations without derivative: whole numbers, comparisons, leaves, and what is flat almost everywhere. */
export const flat = [
  "leaf",
  "constant",
  "iota",
  "random",
  "detach",
  "lt",
  "eq",
  "argmax",
  "floor",
  "sign",
] as const satisfies readonly Op[];

/** Every operation with a row in the derivative table. */
export type Differentiable = Exclude<Op, (typeof flat)[number]>;

/** A function of leaves whose derivatives are checked up to `order` (2 by default). */
export interface Case {
  inputs: Tensor[];
  build: (...x: Tensor[]) => Tensor;
  order?: number;
}

const at = (low: number, high: number, shape = [2, 3]) => randomLeaf(shape, { low, high });
const other = (low: number, high: number, shape = [2, 3]) => randomLeaf(shape, { low, high, seed: 2 });
const one = (build: (x: Tensor) => Tensor, low = -2, high = 2): Case[] => [{ inputs: [at(low, high)], build }];

const conv = (params: Partial<ConvParams> = {}): ConvParams => ({
  stride: [1, 1],
  padding: [0, 0],
  dilation: [1, 1],
  groups: 1,
  ...params,
});

/** Geometries of a convolution: image, weight, options. */
const convolutions: [number[], number[], ConvParams][] = [
  [[2, 2, 4, 3], [3, 2, 2, 2], conv()],
  [[1, 2, 5, 4], [2, 2, 3, 3], conv({ stride: [2, 1], padding: [1, 1] })],
  [[1, 2, 6, 5], [2, 1, 2, 3], conv({ dilation: [2, 1], groups: 2, padding: [0, 1] })],
  // The last row and column lie in no window.
  [[1, 1, 6, 6], [2, 1, 3, 3], conv({ stride: [2, 2] })],
];

/** The result's shape of a convolution. */
const resultOf = ([image, weight, params]: (typeof convolutions)[number]) =>
  conv2d(at(0, 1, image), at(0, 1, weight), params).shape;

const pooling = (kind: "max" | "avg", padding: number, countIncludePad = true): PoolParams => ({
  kind,
  kernel: [3, 2],
  stride: [2, 2],
  padding: [padding, padding],
  countIncludePad,
});

const classes = tensor([2, -1, 0, 1], { dtype: "i32" });
const weighted = (options: CrossEntropyOptions): Case => ({
  inputs: [at(-2, 2, [4, 3]), other(0.5, 1, [3])],
  build: (x, weight) => crossEntropy(x, classes, { ignoreIndex: -1, ...options, weight }),
});

/** Losses whose derivatives by the logits, the weights of classes and the wanted probabilities are written out. */
const crossEntropies: Case[] = [
  { inputs: [at(-2, 2, [4, 3])], build: (x) => crossEntropy(x, classes, { ignoreIndex: -1 }) },
  {
    inputs: [at(-2, 2, [4, 3])],
    build: (x) => crossEntropy(x, classes, { reduction: "none", labelSmoothing: 0.2, ignoreIndex: -1 }),
  },
  weighted({}),
  weighted({ labelSmoothing: 0.3, reduction: "sum" }),
  {
    inputs: [at(-2, 2, [2, 3, 2, 1])],
    build: (x) => crossEntropy(x, reshape(tensor([2, 1, 0, 1], { dtype: "i32" }), [2, 2, 1])),
  },
  {
    inputs: [at(-2, 2, [2, 3]), other(0.1, 1), other(0.5, 1, [3])],
    build: (x, target, weight) => crossEntropy(x, target, { weight, labelSmoothing: 0.1 }),
  },
];

/** Sequences: three steps of two samples, from zeros and from a state, in both directions, and a single step. */
const sequences: Case[] = [rnnStep("tanh"), gruStep, lstmStep].flatMap((step) => {
  const [steps, batch, inputs, size] = [3, 2, 2, 2];
  const all = [
    at(-1, 1, [steps, batch, inputs]),
    ...[inputs, size].map((n, i) => randomLeaf([step.gates * size, n], { seed: 3 + i })),
    ...[0, 1].map((i) => randomLeaf([step.gates * size], { seed: 5 + i })),
  ];
  const state = [0, 1].map((i) => randomLeaf([batch, size], { seed: 7 + i })).slice(0, step === lstmStep ? 2 : 1);
  const run =
    (reverse: boolean, carries: boolean, count: number) =>
    (x: Tensor, weightIh: Tensor, weightHh: Tensor, biasIh: Tensor, biasHh: Tensor, ...start: Tensor[]) => {
      const weights = { weightIh, weightHh, biasIh, biasHh };
      const part = slice(x, [0, count]);
      const { output, end } = runSequence(step, part, carries ? start : undefined, weights, reverse);
      // The end of a net with a cell counts alone, too; the hidden state is in both.
      return concat([reshape(output, [-1, size]), ...end]);
    };
  return [
    { inputs: all, build: run(false, false, steps), order: 1 },
    { inputs: [...all, ...state], build: run(true, true, steps), order: 1 },
    { inputs: [...all, ...state], build: run(false, true, 2) },
    { inputs: all, build: run(true, false, 1) },
  ];
});

/** At least one case for every derivative; a missing row does not compile. */
export const cases: { [O in Differentiable]: () => Case[] } = {
  neg: () => one(elementwise.neg),
  recip: () => one(elementwise.recip, 0.5, 2),
  exp: () => one(elementwise.exp),
  log: () => one(elementwise.log, 0.5, 3),
  sin: () => one(elementwise.sin, -4, 4),
  cos: () => one(elementwise.cos, -4, 4),
  sqrt: () => one(elementwise.sqrt, 0.5, 4),
  tanh: () => one(elementwise.tanh),
  sigmoid: () => one(elementwise.sigmoid, -3, 3),
  erf: () => one(elementwise.erf),
  atan: () => one(elementwise.atan, -3, 3),
  abs: () => one(elementwise.abs),
  // Whole numbers carry no gradient: only the first term has one.
  cast: () => one((x) => elementwise.add(elementwise.mul(x, x), cast(cast(x, "i32"), "f32"))),

  customGradient: () => [
    ...one((x) => customGradient(elementwise.exp(x), [x], (g, y) => [elementwise.mul(g, y)])),
    // The first input has no derivative.
    ...one((x) => {
      const fixed = other(-1, 1);
      const y = elementwise.mul(fixed, x);
      return customGradient(y, [fixed, x], (g) => [undefined, elementwise.mul(g, fixed)]);
    }),
    {
      inputs: [at(-1, 1, [4, 2, 3]), other(0.5, 1, [2]), at(-1, 1, [2])],
      build: (x, weight, bias) => batchNormTraining(x, { weight, bias }).y,
    },
    ...crossEntropies,
    ...sequences,
  ],

  add: () => [
    { inputs: [at(-1, 1), other(-1, 1, [3])], build: elementwise.add },
    { inputs: [at(-1, 1, [2, 1]), other(-1, 1, [3])], build: elementwise.sub },
    { inputs: [at(-1, 1)], build: (x) => elementwise.add(x, elementwise.add(x, x)) },
  ],
  mul: () => [
    { inputs: [at(-1, 1), other(-1, 1, [2, 1])], build: elementwise.mul },
    { inputs: [at(-1, 1)], build: (x) => elementwise.mul(x, elementwise.mul(x, 3)) },
  ],
  div: () => [{ inputs: [at(-1, 1), other(0.5, 2, [1, 3])], build: elementwise.div, order: 3 }],
  max: () => [
    { inputs: [at(-1, 1), other(-1, 1, [3])], build: (a, b) => elementwise.maximum(elementwise.mul(a, a), b) },
    { inputs: [at(-1, 1), other(-1, 1, [3])], build: elementwise.minimum },
    // On ties both get half of the gradient: in sum, the derivative of x.
    { inputs: [at(-1, 1)], build: (x) => elementwise.maximum(elementwise.mul(x, 1), x) },
  ],
  where: () => [
    {
      inputs: [at(-1, 1), other(-1, 1, [3])],
      build: (a, b) => elementwise.where(tensor([[true], [false]]), elementwise.mul(a, a), b),
    },
    { inputs: [at(-1, 1)], build: (x) => elementwise.where(elementwise.lt(x, 0), elementwise.exp(x), 2) },
  ],

  sum: () =>
    [undefined, 0, [0, 2], [1]].map((axes) => ({
      inputs: [at(-1, 1, [2, 3, 2])],
      build: (x) => sum(elementwise.mul(x, x), axes),
    })),
  maxReduce: () => [
    ...[undefined, 1, [0, 2]].map((axes) => ({
      inputs: [at(-1, 1, [2, 3, 2])],
      build: (x: Tensor) => elementwise.exp(amax(elementwise.mul(x, x), axes)),
    })),
    // Ties share: moving both equal elements together moves the maximum once.
    { inputs: [at(-1, 1, [4])], build: (x) => amax(concat([x, x])) },
  ],

  reshape: () => [{ inputs: [at(-1, 1, [2, 6])], build: (x) => elementwise.exp(reshape(x, [3, 4])) }],
  permute: () => [{ inputs: [at(-1, 1, [2, 3, 4])], build: (x) => elementwise.exp(permute(x, [2, 0, 1])) }],
  expand: () => [
    { inputs: [at(-1, 1, [2, 1, 3])], build: (x) => elementwise.exp(expand(x, [2, 2, 4, 3])) },
    { inputs: [at(-1, 1, [])], build: (x) => elementwise.exp(expand(x, [2, 3])) },
  ],
  pad: () => [
    {
      inputs: [at(-1, 1)],
      build: (x) => elementwise.exp(padRaw(x, [1, 0], [0, 2], { value: 0.5, interior: [2, 1] })),
    },
    { inputs: [at(-1, 1, [0, 3])], build: (x) => elementwise.exp(padRaw(x, [1, 1], [1, 0])) },
  ],
  slice: () => [
    { inputs: [at(-1, 1, [5, 4])], build: (x) => elementwise.exp(slice(x, [1, 5, 2], [-3, -1])) },
    { inputs: [at(-1, 1, [6, 2])], build: (x) => elementwise.exp(slice(x, [0, 6, 3], 1)) },
    { inputs: [at(-1, 1, [3, 2])], build: (x) => sum(elementwise.exp(slice(x, [2, 2]))) },
  ],
  flip: () => [{ inputs: [at(-1, 1, [2, 3, 2])], build: (x) => elementwise.exp(flip(x, [0, 2])) }],
  concat: () => [
    {
      inputs: [at(-1, 1, [2, 1]), other(-1, 1, [2, 3])],
      build: (a, b) => elementwise.exp(concat([a, elementwise.mul(b, b), a], 1)),
    },
    { inputs: [at(-1, 1, [0, 2]), other(-1, 1, [2, 2])], build: (a, b) => elementwise.exp(concat([a, b], 0)) },
  ],

  matmul: () =>
    [
      [
        [2, 3],
        [3, 4],
      ],
      [
        [2, 2, 3],
        [3, 2],
      ],
      [[3], [3, 2]],
      [[2, 3], [3]],
      [
        [2, 1, 2, 3],
        [2, 3, 2],
      ],
      [
        [2, 0],
        [0, 3],
      ],
    ].map(([a, b]) => ({ inputs: [at(-1, 1, a), other(-1, 1, b)], build: (x, y) => matmul(elementwise.mul(x, x), y) })),
  conv2d: () =>
    convolutions.map(([image, weight, params]) => ({
      inputs: [at(-1, 1, image), other(-1, 1, weight)],
      build: (x, w) => conv2d(elementwise.mul(x, x), w, params),
    })),
  conv2dInput: () =>
    convolutions.map((geometry) => ({
      inputs: [at(-1, 1, [...resultOf(geometry)]), other(-1, 1, geometry[1])],
      build: (dy, w) => conv2dInput(elementwise.mul(dy, dy), w, geometry[0], geometry[2]),
    })),
  conv2dWeight: () =>
    convolutions.map((geometry) => ({
      inputs: [at(-1, 1, geometry[0]), other(-1, 1, [...resultOf(geometry)])],
      build: (x, dy) => conv2dWeight(elementwise.mul(x, x), dy, geometry[1], geometry[2]),
    })),
  pool: () => [
    ...[0, 1].flatMap((padding) => [
      {
        inputs: [at(-1, 1, [1, 2, 5, 4])],
        build: (x: Tensor) => maxPool2d(elementwise.mul(x, x), [3, 2], { stride: 2, padding }),
      },
      {
        inputs: [at(-1, 1, [1, 2, 5, 4])],
        build: (x: Tensor) => avgPool2d(elementwise.mul(x, x), [3, 2], { stride: 2, padding, countIncludePad: false }),
      },
    ]),
    { inputs: [at(-1, 1, [2, 1, 4, 5])], build: (x) => avgPool2d(x, 2, { padding: 1, stride: [1, 2] }) },
  ],
  poolBack: () =>
    [pooling("max", 0), pooling("max", 1), pooling("avg", 1), pooling("avg", 1, false)].map((params) => ({
      inputs: [at(-1, 1, [1, 2, 5, 4]), other(-1, 1, [1, 2, params.padding[0] ? 3 : 2, params.padding[0] ? 3 : 2])],
      build: (x, dy) => poolBack(x, elementwise.mul(dy, dy), params),
    })),

  gather: () => [
    {
      inputs: [at(-1, 1, [4, 3])],
      build: (x) =>
        elementwise.exp(
          gather(
            x,
            0,
            tensor(
              [
                [0, 3, 3],
                [0, 1, 2],
              ],
              { dtype: "i32" },
            ),
          ),
        ),
    },
    {
      inputs: [at(-1, 1, [4, 3])],
      build: (x) =>
        elementwise.exp(
          gather(
            x,
            1,
            tensor(
              [
                [2, 2],
                [0, 1],
              ],
              { dtype: "i32" },
            ),
          ),
        ),
    },
  ],
  scatterAdd: () => [
    {
      inputs: [at(-1, 1, [2, 3])],
      build: (x) =>
        elementwise.exp(
          scatterAdd(
            tensor(
              [
                [0, 4, 4],
                [2, 1, 2],
              ],
              { dtype: "i32" },
            ),
            x,
            1,
            5,
          ),
        ),
    },
  ],
  sort: () => [
    {
      inputs: [at(-1, 1, [2, 4])],
      build: (x) => elementwise.mul(elementwise.exp(sort(x).values), tensor([1, 2, 3, 4])),
    },
    { inputs: [at(-1, 1, [4, 2])], build: (x) => elementwise.exp(sort(x, 0, { descending: true }).values) },
  ],
  checkFinite: () => one((x) => checkFinite(elementwise.exp(x))),
};
