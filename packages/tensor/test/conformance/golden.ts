import { readFileSync } from "node:fs";
import { type DType, hostArray } from "../../src/dtype.js";
import { leaf, type Op } from "../../src/node.js";
import type { Shape } from "../../src/shape.js";
import type { Tensor } from "../../src/tensor.js";

/** An array of the golden file, in double precision. */
export interface GoldenArray {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** One case of an operation: see golden/primitives.py. */
export interface GoldenCase {
  readonly name: string;
  readonly params: GoldenParams;
  readonly inputs: readonly GoldenArray[];
  readonly outputs: readonly GoldenArray[];
  readonly gradients: readonly (GoldenArray | undefined)[];
}

/** What the cases of some operation are parametrized by. */
export interface GoldenParams {
  value: number;
  dtype: DType;
  length: number;
  to: DType;
  axes: number[];
  axis: number;
  keepDims: boolean;
  shape: number[];
  order: number[];
  ranges: [number, number, number][];
  before: number[];
  after: number[];
  interior: number[];
  transpose: [boolean, boolean];
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  groups: number;
  kind: "max" | "avg";
  countIncludePad: boolean;
  size: number;
  descending: boolean;
}

type Raw = number | "nan" | "inf" | "-inf";
interface RawArray {
  dtype: DType;
  shape: number[];
  data: Raw[];
}

const special = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY };

function number(raw: Raw): number {
  return typeof raw === "string" ? special[raw] : raw;
}

function array({ dtype, shape, data }: RawArray): GoldenArray {
  return { dtype, shape, data: data.map(number) };
}

/** Every operation's cases by PyTorch; an operation that PyTorch has no counterpart of has none. */
export function readGolden(): { [O in Op]?: GoldenCase[] } {
  const text = readFileSync(new URL("../golden/primitives.json", import.meta.url), "utf8");
  const file = JSON.parse(text) as Record<string, { [K in keyof GoldenCase]: unknown }[]>;
  const decoded = Object.entries(file).map(([op, cases]) => [
    op,
    cases.map(({ name, params, inputs, outputs, gradients }) => {
      const given = params as Record<string, unknown>;
      if ("value" in given) given.value = number(given.value as Raw);
      return {
        name,
        params,
        inputs: (inputs as RawArray[]).map(array),
        outputs: (outputs as RawArray[]).map(array),
        gradients: (gradients as (RawArray | null)[]).map((g) => (g === null ? undefined : array(g))),
      };
    }),
  ]);
  return Object.fromEntries(decoded) as { [O in Op]?: GoldenCase[] };
}

/** A leaf that holds a golden array. */
export function leafOf({ dtype, shape, data }: GoldenArray): Tensor {
  const host = hostArray(dtype, data.length);
  host.set(data);
  return leaf(host, shape, dtype);
}

/** The weight of element i of an output in the sum whose gradients are golden: never 0, so that none is masked. */
export function seedOf(shape: Shape, size: number): GoldenArray {
  return { dtype: "f32", shape, data: Array.from({ length: size }, (_, i) => (((7 * i) % 11) - 5.5) / 4) };
}
