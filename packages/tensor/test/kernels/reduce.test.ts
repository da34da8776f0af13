import { describe, expect, it } from "vitest";
import type { Load, ReduceGroup } from "../../src/backend.js";
import type { HostArray } from "../../src/dtype.js";
import { Draw, span } from "./draw.js";
import { backends, expectAgreement, outcome, seeds } from "./outcome.js";

const all = backends();

type Reduction = ReduceGroup["reductions"][number];

/** Reductions of one or two registers over random dims of random windows. */
function randomReduction(draw: Draw): { group: ReduceGroup; memory: HostArray[] } {
  const rank = draw.int(1, 5);
  const largest = draw.pick([4, 9, 40, 700]);
  let room = 60_000;
  const dims = Array.from({ length: rank }, () => {
    const size = Math.min(draw.int(1, largest), Math.max(1, room));
    room = Math.floor(room / size);
    return size;
  });
  const withArgmax = draw.chance(0.4);
  const only = draw.int(0, rank - 1);
  const reduced = dims.map((_, d) => (withArgmax ? d === only : draw.chance(0.5)));
  if (!withArgmax && draw.chance(0.05)) dims[draw.int(0, rank - 1)] = 0;
  const isEmpty = dims.some((size, d) => size === 0 && reduced[d]);
  const memory: HostArray[] = [];
  const order = draw.shuffled(dims.map((_, d) => d));
  const loads: Load[] = [];
  for (let n = draw.int(1, 3); n > 0; n--) {
    const strides = (draw.chance(0.7) ? draw.dense(dims, order, false) : draw.dense(dims)).map((s) =>
      n > 1 && draw.chance(0.3) ? 0 : draw.chance(0.1) ? -s : s,
    );
    const { offset, length } = span(dims, strides);
    loads.push({ kind: "memory", slot: memory.length, dtype: "f32", strides, offset });
    memory.push(draw.memory("f32", length));
  }
  const count = loads.length;
  const instructions: ReduceGroup["instructions"] = [
    { op: "add", type: "f32", inputs: [draw.int(0, count - 1), draw.int(0, count - 1)] },
    { op: "lt", type: "f32", inputs: [0, count - 1] },
    { op: "abs", type: "f32", inputs: [count - 1] },
  ];
  const reductions: Reduction[] = [];
  const kept = dims.map((size, d) => (reduced[d] ? 1 : size));
  for (let n = draw.int(1, 3); n > 0; n--) {
    const op = draw.pick(
      isEmpty ? (["sum"] as const) : withArgmax ? (["sum", "max", "argmax"] as const) : (["sum", "max"] as const),
    );
    const register = draw.int(0, count + 2);
    const isInt = register === count + 1;
    const strides = (draw.chance(0.7) ? draw.dense(kept, order, false) : draw.dense(kept)).map((s, d) =>
      reduced[d] ? 0 : s,
    );
    const { offset, length } = span(kept, strides);
    const dtype = op === "argmax" || isInt ? "i32" : "f32";
    reductions.push({ op, register, slot: memory.length, dtype, strides, offset });
    memory.push(draw.memory(dtype, length));
  }
  return {
    group: { kind: "reduce", dims, reduced, loads, instructions, reductions, commit: false, label: "random" },
    memory,
  };
}

function rows(
  dims: readonly number[],
  reduced: readonly boolean[],
  strides: readonly number[],
  ops: readonly Reduction["op"][],
  outStrides: readonly number[],
): ReduceGroup {
  return {
    kind: "reduce",
    dims,
    reduced,
    commit: false,
    label: "rows",
    loads: [{ kind: "memory", slot: 0, dtype: "f32", strides, offset: 0 }],
    instructions: [],
    reductions: ops.map((op, i) => ({
      op,
      register: 0,
      slot: 1 + i,
      dtype: op === "argmax" ? "i32" : "f32",
      strides: outStrides,
      offset: 0,
    })),
  };
}

describe("reduce groups", () => {
  it("agree with the interpreter on random windows", async () => {
    for (let seed = 0; seed < seeds(500); seed++) {
      const { group, memory } = randomReduction(new Draw(seed));
      await expectAgreement(all, { groups: [group], memory }, 1e-5, `seed ${seed}`);
    }
  });

  const ops = ["sum", "max", "argmax"] as const;
  it.each([
    ["one long row", [700_000], [true], [1], [0]],
    ["a few long rows", [3, 250_000], [false, true], [250_000, 1], [1, 0]],
    ["long columns", [120_000, 5], [true, false], [5, 1], [0, 1]],
    ["wide columns", [300, 2000], [true, false], [2000, 1], [0, 1]],
    ["channels between", [4, 8000, 24], [false, true, false], [8000 * 24, 24, 1], [24, 0, 1]],
    ["rows far apart", [1000, 700], [true, false], [1, 1000], [0, 1]],
    ["many short rows", [40_000, 10], [false, true], [10, 1], [1, 0]],
  ] as const)("%s", async (name, dims, reduced, strides, outStrides) => {
    const draw = new Draw(5);
    const length = dims.reduce((a, b) => a * b, 1);
    const kept = dims.reduce((a: number, b, d) => (reduced[d] ? a : a * b), 1);
    const memory = [draw.memory("f32", length), new Float32Array(kept), new Float32Array(kept), new Int32Array(kept)];
    await expectAgreement(all, { groups: [rows(dims, reduced, strides, ops, outStrides)], memory }, 2e-5, name);
  });

  it("carry NaN and take the first of equals", async () => {
    for (const length of [7, 40, 300, 5000, 100_000]) {
      for (const spots of [[], [0], [length - 1], [3, length >> 1]]) {
        const x = new Float32Array(length).fill(-1);
        x[length >> 2] = 2;
        x[length - 1] = 2;
        for (const at of spots) x[at] = NaN;
        const memory = [x, new Float32Array(1), new Float32Array(1), new Int32Array(1)];
        await expectAgreement(
          all,
          { groups: [rows([length], [true], [1], ops, [0])], memory },
          1e-6,
          `${length} with NaN at ${spots}`,
        );
      }
    }
  });

  it("find the maximum of rows of minus infinity", async () => {
    const x = new Float32Array(2000).fill(-Infinity);
    for (const backend of all) {
      const group = rows([2000], [true], [1], ["max", "argmax"], [0]);
      const { memory } = await outcome(backend, {
        groups: [group],
        memory: [x, new Float32Array(1), Int32Array.of(9)],
      });
      expect([memory[1]![0], memory[2]![0]]).toEqual([-Infinity, 0]);
    }
  });

  it("sum millions of values accurately", async () => {
    const length = 3_000_000;
    const x = new Float32Array(length).fill(0.1);
    for (const backend of all) {
      const { memory } = await outcome(backend, {
        groups: [rows([length], [true], [1], ["sum"], [0])],
        memory: [x, new Float32Array(1)],
      });
      expect(Math.abs(memory[1]![0]! / (length * Math.fround(0.1)) - 1)).toBeLessThan(1e-6);
    }
  });
});
