import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Cell } from "../../src/cell.js";
import type { DType } from "../../src/dtype.js";
import { tensor } from "../../src/ops/generate.js";
import { realize } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { evaluate, evaluateAll } from "../reference.js";

/** A tensor in a golden file. */
export interface Packed {
  shape: number[];
  dtype?: DType;
  data: number[];
}

/** Reads a file of test/golden. */
export function goldenBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../golden/${name}`, import.meta.url));
}

/** Reads a JSON file of test/golden. */
export function golden<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(goldenBytes(name))) as T;
}

/** The tensor of a golden entry. */
export function unpack({ shape, dtype = "f32", data }: Packed): Tensor {
  return tensor(data, { shape, dtype });
}

/** Where a test computes: the naive f64 reference, or the default device. */
export interface Engine {
  readonly name: string;
  /** Largest error allowed, relative to 1 + |expected|. */
  readonly tolerance: number;
  read(tensors: readonly Tensor[]): Promise<ArrayLike<number>[]>;
  /** The values that cells have after the step that computes nothing else. */
  readCells(cells: readonly Cell[]): Promise<ArrayLike<number>[]>;
}

/** Every engine that tests of layers run on. */
export const engines: readonly Engine[] = [
  {
    name: "reference",
    tolerance: 2e-6,
    read: async (tensors) => evaluateAll(tensors).map(({ data }) => data),
    readCells: async (cells) => cells.map((cell) => evaluate(cell.value).data),
  },
  {
    name: "device",
    tolerance: 5e-5,
    async read(tensors) {
      await realize(...tensors);
      return Promise.all(tensors.map((t) => t.data()));
    },
    async readCells(cells) {
      await realize();
      return Promise.all(cells.map((cell) => cell.committed.data()));
    },
  },
];

/** Checks shape and elements; `scale` loosens the tolerance. */
export function expectClose(
  engine: Engine,
  what: string,
  tensor: Tensor | Cell,
  found: ArrayLike<number>,
  expected: Packed,
): void {
  expect(tensor.shape, `shape of ${what}`).toEqual(expected.shape);
  expect(found.length, `elements of ${what}`).toBe(expected.data.length);
  for (let i = 0; i < found.length; i++) {
    const error = Math.abs(found[i]! - expected.data[i]!) / (1 + Math.abs(expected.data[i]!));
    if (!(error <= engine.tolerance))
      expect.fail(`element ${i} of ${what} is ${found[i]}, expected ${expected.data[i]}`);
  }
}
