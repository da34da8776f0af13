import { beforeAll, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { gradients } from "../../src/gradients.js";
import type { Op } from "../../src/node.js";
import * as contract from "../../src/ops/contract.js";
import { cast, reshape } from "../../src/ops/convert.js";
import { add, div, eq, lt, maximum, mul, where } from "../../src/ops/elementwise.js";
import { gather, scatterAdd, sort, take } from "../../src/ops/gather.js";
import { tensor } from "../../src/ops/generate.js";
import { concat, flip, padRaw, permute, slice, transpose } from "../../src/ops/movement.js";
import { amax, argmax, sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { compare } from "../compare.js";
import { builds, reference } from "../engines.js";
import { randomLeaf } from "../finiteDifferences.js";
import { functions } from "../randomGraphs/functions.js";
import { rows } from "./rows.js";

// Sizes around and above those at which kernels change their ways: vectors, tiles, packing, chunks of threads.

const random = (...shape: number[]) => randomLeaf(shape, { seed: shape.length + (shape[0] ?? 0) });
const other = (...shape: number[]) => randomLeaf(shape, { seed: 1000 + (shape[0] ?? 0) });
const indices = (shape: number[], size: number) => functions.wholeLeaf(shape, 5, 0, size - 1);

/** Numbers with NaN, infinities and zeros of both signs among them. */
function special(period: number, count: number): Tensor {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
  const data = Float32Array.from({ length: count }, (_, i) => {
    const at = Math.floor(i / period);
    return at % 3 === 0 ? odd[(at / 3) % odd.length]! : ((i * 37) % 101) / 16 - 3;
  });
  return tensor(data);
}

/** y, and the gradients of its weighted sum. */
function withGradients(y: Tensor, ...x: Tensor[]): Tensor[] {
  return [y, ...gradients(sum(mul(y, randomLeaf(y.shape, { seed: 77 }))), x)];
}

function convolution(image: number[], weight: number[], options: contract.ConvOptions = {}): Tensor[] {
  const [x, w] = [random(...image), other(...weight)];
  return withGradients(contract.conv2d(x, w, options), x, w);
}

const ranges: { [O in Op]?: [low: number, high: number] } = {
  neg: [-9, 9],
  recip: [0.01, 50],
  exp: [-30, 30],
  log: [1e-6, 100],
  sin: [-50, 50],
  cos: [-50, 50],
  sqrt: [0, 100],
  tanh: [-6, 6],
  sigmoid: [-20, 20],
  erf: [-4, 4],
  atan: [-30, 30],
  floor: [-30, 30],
  abs: [-9, 9],
  sign: [-9, 9],
};

const cases: { [name: string]: () => Tensor[] } = {
  ...Object.fromEntries(
    Object.entries(ranges).map(([op, [low, high]]) => [
      `${op} of 10,007 elements`,
      () => [...rows[op as Op]([randomLeaf([10_007], { low, high })], {} as never)],
    ]),
  ),
  "special values in long vectors": () => {
    const [x, y] = [special(1, 1009), special(5, 1009)];
    const unary = Object.keys(ranges).map((op) => rows[op as Op]([x], {} as never)[0]!);
    const binary = [add, mul, div, maximum, lt, eq].map((f) => f(x, y));
    return [
      ...unary,
      ...binary,
      where(lt(x, y), x, y),
      cast(x, "i32"),
      cast(x, "bool"),
      ...gradients(sum(maximum(x, y)), [x, y]),
    ];
  },
  "special values in reductions, sorts and pools": () => {
    const x = special(3, 40 * 61);
    const tables = [reshape(x, [40, 61]), reshape(x, [61, 40]), reshape(slice(x, [0, 30]), [15, 2])];
    const image = reshape(slice(x, [0, 2 * 9 * 10 * 8]), [2, 9, 10, 8]);
    return [
      ...tables.flatMap((t) => [0, 1].flatMap((axis) => [sum(t, axis), amax(t, axis), argmax(t, axis)])),
      ...[false, true].flatMap((descending) => Object.values(sort(x, 0, { descending }))),
      contract.maxPool2d(image, 3, { stride: 2, padding: 1 }),
      contract.matmul(tables[0]!, tables[1]!),
    ];
  },
  "elementwise chains of odd sizes": () => {
    const x = random(37, 91);
    const bias = other(91);
    const column = other(37, 1);
    return withGradients(where(lt(x, bias), mul(add(x, bias), column), mul(x, x)), x, bias, column);
  },
  "bytes and booleans of odd sizes": () => {
    const bytes = functions.byteLeaf([33, 31], 3);
    return [
      add(bytes, 1),
      lt(bytes, 100),
      mul(cast(bytes, "f32"), 1 / 255),
      cast(add(bytes, 100), "u8"),
      cast(bytes, "bool"),
    ];
  },
  ...Object.fromEntries(
    [
      [1, 300, 70],
      [70, 300, 1],
      [13, 257, 31],
      [64, 64, 64],
      [100, 128, 65],
      [3, 1000, 5],
      [129, 17, 33],
      [200, 1, 130],
    ].map(([m, k, n]) => [
      `matmul of ${m} x ${k} x ${n}`,
      () => {
        const [a, b] = [random(m!, k!), other(k!, n!)];
        return withGradients(contract.matmul(a, b), a, b);
      },
    ]),
  ),
  "matmul of transposed operands": () => {
    const [a, b] = [random(65, 33), other(40, 65)];
    return withGradients(contract.matmul(transpose(a), transpose(b)), a, b);
  },
  "a batch of matmuls, one operand shared": () => {
    const [a, b, c] = [random(5, 3, 20, 17), other(5, 3, 17, 21), other(20, 40)];
    return [...withGradients(contract.matmul(a, b), a, b), ...withGradients(contract.matmul(transpose(a), c), a, c)];
  },
  "conv of 3 to 17 channels": () => convolution([2, 3, 13, 11], [17, 3, 3, 3], { padding: 1 }),
  "conv of 16 to 32 channels": () => convolution([2, 16, 14, 14], [32, 16, 3, 3], { padding: 1 }),
  "conv of 33 to 20 channels, stride 2": () => convolution([1, 33, 9, 10], [20, 33, 3, 3], { padding: 1, stride: 2 }),
  "conv 1x1 of 64 to 48 channels": () => convolution([2, 64, 7, 7], [48, 64, 1, 1]),
  "conv 7x7 stride 2": () => convolution([1, 3, 33, 30], [24, 3, 7, 7], { padding: 3, stride: 2 }),
  "conv 5x5 of one channel": () => convolution([4, 1, 28, 28], [10, 1, 5, 5], { padding: 2 }),
  "conv of 4 groups": () => convolution([2, 24, 8, 9], [32, 6, 3, 3], { padding: 1, groups: 4 }),
  "depthwise conv": () => convolution([2, 40, 10, 9], [40, 1, 3, 3], { padding: 1, groups: 40 }),
  "dilated conv": () => convolution([1, 18, 16, 15], [9, 18, 3, 3], { padding: 2, dilation: 2 }),
  pools: () => {
    const x = random(2, 35, 15, 14);
    return [
      ...withGradients(contract.maxPool2d(x, 3, { stride: 2, padding: 1 }), x),
      ...withGradients(contract.avgPool2d(x, 3, { stride: 2, padding: 1 }), x),
      ...withGradients(contract.avgPool2d(x, [15, 14]), x),
    ];
  },
  ...Object.fromEntries(
    (
      [
        [[40_001], [0]],
        [[1000, 33], [0]],
        [[1000, 33], [1]],
        [[33, 1000], [1]],
        [
          [3, 50, 40, 7],
          [0, 2, 3],
        ],
        [
          [7, 3, 50, 40],
          [1, 3],
        ],
        [
          [200, 1, 9],
          [0, 1],
        ],
      ] as const
    ).map(([shape, axes]) => [
      `reductions of ${shape} over ${axes}`,
      () => {
        const x = random(...shape);
        return [...withGradients(sum(mul(x, x), axes), x), ...withGradients(amax(x, axes), x), argmax(x, axes[0])];
      },
    ]),
  ),
  "softmax and normalization": () => {
    const x = random(37, 300);
    const image = random(3, 17, 8, 9);
    return [
      ...withGradients(functions.softmax(x, 1), x),
      ...withGradients(functions.softmax(x, 0), x),
      ...withGradients(functions.normalized(x, [1]), x),
      ...withGradients(functions.normalized(image, [0, 2, 3]), image),
    ];
  },
  views: () => {
    const x = random(19, 21, 23);
    return [
      ...[
        [0, 2, 1],
        [1, 0, 2],
        [2, 0, 1],
        [2, 1, 0],
      ].map((order) => add(permute(x, order), 0.5)),
      add(flip(x, [0, 2]), x),
      padRaw(x, [1, 0, 3], [0, 2, 1], { interior: [1, 0, 1] }),
      mul(slice(x, [2, 18, 3], null, [1, 22, 2]), 3),
      concat([x, flip(x, 1), mul(x, 2)], 1),
      ...[0, 1, 2].map((axis) => sum(concat([x, x], axis), axis)),
    ];
  },
  "gather, take and scatterAdd": () => {
    const table = random(300, 33);
    const source = other(700, 9);
    return [
      ...withGradients(take(table, indices([50, 11], 300)), table),
      ...withGradients(gather(table, 1, indices([300, 70], 33)), table),
      ...withGradients(scatterAdd(indices([700, 9], 10), source, 0, 10), source),
    ];
  },
  sort: () => {
    const x = random(3, 2500);
    const down = sort(x, 0, { descending: true });
    const { values, indices: order } = sort(x);
    return [...withGradients(values, x), order, down.values, down.indices];
  },
};

const engines = builds();

describe.each(Object.entries(cases))("%s", (_, build) => {
  let expected: ArrayLike<number>[];
  beforeAll(async () => {
    expected = await reference.read(build());
  });

  test.each(engines)("on $name", async (engine) => {
    const values = build();
    const found = await engine.read(values);
    values.forEach(({ dtype }, i) => {
      const worst = compare(dtype, found[i]!, expected[i]!, 1e-3);
      expect(worst?.error ?? 0, `value ${i} ${JSON.stringify(worst)}`).toBeLessThan(engine.tolerance);
    });
  });
});
