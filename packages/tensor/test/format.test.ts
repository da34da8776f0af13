import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type DType, hostArray } from "../src/dtype.js";
import { formatTensor } from "../src/format.js";
import { sizeOf } from "../src/shape.js";

/** See golden/format.py. */
interface Case {
  shape: number[];
  dtype: DType;
  data?: (number | string)[];
  ramp?: number;
  text: string;
}

const special: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  "-0": -0,
};
const cases = JSON.parse(readFileSync(new URL("golden/format.json", import.meta.url), "utf8")) as Case[];

test.each(cases.map((c) => [`${c.dtype} [${c.shape}] ${c.text.split("\n")[0]}`, c] as const))(
  "%s",
  (_, { shape, dtype, data, ramp, text }) => {
    const host = hostArray(dtype, sizeOf(shape));
    if (data) host.set(data.map((v) => (typeof v === "string" ? special[v]! : v)));
    else for (let i = 0; i < host.length; i++) host[i] = dtype === "f32" ? (i % 251) * ramp! : i % 251;
    expect(formatTensor(host, shape, dtype)).toBe(text);
  },
);
