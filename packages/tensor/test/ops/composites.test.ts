import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/dtype.js";
import { gradients } from "../../src/gradients.js";
import * as ops from "../../src/index.js";
import * as activation from "../../src/ops/activation.js";
import * as convolution from "../../src/ops/convolution.js";
import * as einsum from "../../src/ops/einsum.js";
import * as gridSample from "../../src/ops/gridSample.js";
import * as imaging from "../../src/ops/imaging.js";
import * as indexing from "../../src/ops/indexing.js";
import * as joining from "../../src/ops/joining.js";
import * as linear from "../../src/ops/linear.js";
import * as math from "../../src/ops/math.js";
import * as matrix from "../../src/ops/matrix.js";
import * as normalization from "../../src/ops/normalization.js";
import * as ordering from "../../src/ops/ordering.js";
import * as padding from "../../src/ops/padding.js";
import * as pooling from "../../src/ops/pooling.js";
import * as power from "../../src/ops/power.js";
import * as rounding from "../../src/ops/rounding.js";
import * as sampling from "../../src/ops/sampling.js";
import * as scan from "../../src/ops/scan.js";
import * as statistics from "../../src/ops/statistics.js";
import type { Tensor } from "../../src/tensor.js";
import { compare } from "../compare.js";
import { backends, planned, reference } from "../engines.js";
import { rows } from "./rows.js";

type Raw = number | "nan" | "inf" | "-inf";

interface RawArray {
  shape: number[];
  dtype: DType;
  data: Raw[];
}

/** See golden/composites.py. */
interface Case {
  inputs: RawArray[];
  options: Record<string, unknown>;
  outputs: RawArray[];
  /** By input. */
  gradients: Record<string, Raw[]>;
}

const golden = JSON.parse(readFileSync(new URL("../golden/composites.json", import.meta.url), "utf8")) as Record<
  string,
  Case[]
>;
const special = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY };
const number = (raw: Raw): number => (typeof raw === "string" ? special[raw] : raw);
const infinite = (value: unknown): unknown =>
  typeof value === "string" && value in special ? special[value as keyof typeof special] : value;

/** Outputs of a case, then the gradients of its inputs that the file has, with what PyTorch gives for each. */
function compute(
  op: string,
  { inputs, options, outputs, gradients: expected }: Case,
): { found: Tensor[]; wanted: RawArray[] } {
  const x = inputs.map(({ shape, dtype, data }) => ops.tensor(data.map(number), { shape, dtype }));
  const decoded = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, infinite(value)]));
  const result = rows[op]!(x, decoded as never);
  const found = Array.isArray(result) ? result : [result];
  const wanted = [...outputs];
  const ids = Object.keys(expected).map(Number);
  if (ids.length > 0) {
    const real = found.filter((y) => y.dtype === "f32");
    const loss = real.map((y) => ops.sum(ops.mul(y, weightsOf(y)))).reduce((a, b) => ops.add(a, b));
    found.push(
      ...gradients(
        loss,
        ids.map((i) => x[i]!),
        { unused: "zeros" },
      ),
    );
    wanted.push(...ids.map((i): RawArray => ({ shape: inputs[i]!.shape, dtype: "f32", data: expected[i]! })));
  }
  return { found, wanted };
}

/** The weights of golden/composites.py. */
function weightsOf(y: Tensor): Tensor {
  return ops.tensor(
    Array.from({ length: y.size }, (_, i) => (((i * 37 + 5) % 23) - 10.5) / 8),
    { shape: y.shape },
  );
}

/** The files that compose operations of primitives, by name, and those of ops/ that hold primitives or their plain combinations. */
const composed = {
  activation,
  convolution,
  einsum,
  gridSample,
  imaging,
  indexing,
  joining,
  linear,
  math,
  matrix,
  normalization,
  ordering,
  padding,
  pooling,
  power,
  rounding,
  sampling,
  scan,
  statistics,
};
const primitive = [
  "autocast",
  "contract",
  "convert",
  "elementwise",
  "fused",
  "gather",
  "generate",
  "movement",
  "reduce",
];

test("every file of operations is known", () => {
  const files = readdirSync(new URL("../../src/ops", import.meta.url)).map((name) => name.replace(/\.ts$/, ""));
  expect(files.filter((name) => !primitive.includes(name)).sort()).toEqual(Object.keys(composed).sort());
});

test("every public composite has a row, every row golden cases, and every case a row", () => {
  // Their results are random: see sampling.test.ts.
  const random = ["bernoulli", "multinomial", "randperm"];
  const names = Object.values(composed).flatMap((file) => Object.keys(file));
  const composite = names.filter((name) => name in ops && !random.includes(name)).sort();
  expect(Object.keys(rows).sort()).toEqual(composite);
  expect(Object.keys(golden).sort()).toEqual(composite);
  // Not public: what files share, and batch norm's way in training, which its layer and the row of customGradient test.
  expect(names.filter((name) => !(name in ops)).sort()).toEqual(["batchNormTraining", "standardize"]);
});

const engines = [reference, ...backends().map((backend) => planned(backend))];

describe.each(engines)("$name agrees with PyTorch", (engine) => {
  // Constants of the composites (weights of interpolation, truncated series) are exact in f32 only.
  const tolerance = Math.max(engine.tolerance, 1e-7);
  test.each(Object.entries(golden))("%s", async (op, cases) => {
    for (const [n, row] of cases.entries()) {
      const { found, wanted } = compute(op, row);
      const what = (k: number) =>
        `case ${n} ${JSON.stringify(row.options)}, ${k < row.outputs.length ? `output ${k}` : `gradient ${k - row.outputs.length}`}`;
      expect(
        found.map(({ shape, dtype }) => ({ shape, dtype })),
        what(0),
      ).toEqual(wanted.map(({ shape, dtype }) => ({ shape, dtype })));
      const read = await engine.read(found);
      wanted.forEach(({ dtype, data }, k) => {
        const worst = compare(dtype, read[k]!, data.map(number));
        expect(
          worst?.error ?? 0,
          `${what(k)} ${JSON.stringify(worst)} of ${JSON.stringify(Array.from(read[k]!))}`,
        ).toBeLessThan(tolerance);
      });
    }
  });
});
