import { describe, expect, it } from "vitest";
import type { Group, Plan, Slot } from "../../src/backend.js";
import type { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import { sparseTables } from "../../src/backends/cpu/sparseRows.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { Draw } from "./draw.js";
import { backends, expectClose } from "./outcome.js";

const all = backends();

/** The update of a table from the gradient of a few of its rows, which is also summed: slots 0 index, 1 source, 2 gradient, 3 table, 4 sum. */
function update(
  rows: number,
  width: number,
  count: number,
  { offset = 0, gradient = "scratch" as Slot["kind"] } = {},
): Plan {
  const table = { dtype: "f32" as const, strides: [width, 1], offset: 0 };
  const groups: Group[] = [
    {
      kind: "contract",
      op: "scatterAdd",
      params: { axis: 0 },
      inputs: [
        { slot: 0, dtype: "i32", shape: [count, width], strides: [1, 0], offset: 0 },
        { slot: 1, dtype: "f32", shape: [count, width], strides: [width, 1], offset: 0 },
      ],
      outputs: [{ slot: 2, shape: [rows, width], ...table }],
      commit: false,
      label: "scatterAdd",
    },
    {
      kind: "reduce",
      dims: [rows, width],
      reduced: [true, true],
      loads: [{ kind: "memory", slot: 2, ...table }],
      instructions: [{ op: "mul", type: "f32", inputs: [0, 0] }],
      reductions: [{ op: "sum", register: 1, slot: 4, dtype: "f32", strides: [0, 0], offset: 0 }],
      commit: false,
      label: "sum",
    },
    {
      kind: "map",
      dims: [rows, width],
      loads: [
        { kind: "memory", slot: 2, ...table, offset },
        { kind: "memory", slot: 3, ...table },
      ],
      instructions: [
        { op: "neg", type: "f32", inputs: [0] },
        { op: "add", type: "f32", inputs: [1, 2] },
      ],
      stores: [{ register: 3, slot: 3, ...table }],
      commit: true,
      label: "update",
    },
  ];
  const bytes = rows * width * 4;
  const slots: Slot[] = [
    { kind: "bound", bytes: count * 4, offset: 0, index: 0 },
    { kind: "bound", bytes: count * width * 4, offset: 0, index: 1 },
    { kind: gradient, bytes, offset: 0, index: gradient === "bound" ? 4 : -1 },
    { kind: "bound", bytes, offset: 0, index: 2 },
    { kind: "bound", bytes: 4, offset: 0, index: 3 },
  ];
  return { groups, slots, scratchBytes: Math.ceil(bytes / 64) * 64, scalarCount: 0 };
}

describe("gradients of few rows", () => {
  it("update a table as whole ones do, the same bits for any number of threads", async () => {
    const draw = new Draw(11);
    for (const [rows, width, count] of [
      [400, 50, 64],
      [9066, 50, 64],
      [20_000, 1 + 2, 100],
      [5000, 200, 700],
      [70_000, 2, 1],
    ] as const) {
      const plan = update(rows, width, count);
      expect(sparseTables(plan).get(2)).toEqual({ rows, width });
      const index = Int32Array.from({ length: count }, (_, i) => (i % 5 === 4 ? 7 : draw.int(0, rows - 1)));
      const source = draw.memory("f32", count * width) as Float32Array;
      const table = draw.memory("f32", rows * width) as Float32Array;
      const expected = await run(new Interpreter(), plan, index, source, table);
      let first: Float32Array | undefined;
      for (const backend of all) {
        const name = `[${rows}, ${width}] on ${(backend as CpuBackend).engine.isa}`;
        const found = await run(backend, plan, index, source, table);
        expectClose(found.table, expected.table, 1e-5, name);
        expectClose(found.sum, expected.sum, 1e-3, name);
        first ??= found.table;
        expect(Buffer.from(found.table.buffer).equals(Buffer.from(first.buffer)), `${name}: same bits`).toBe(true);
      }
    }
  });

  it("report an index out of range and leave the table as it was", async () => {
    const [rows, width] = [4000, 8];
    const table = new Float32Array(rows * width).fill(2);
    const source = new Float32Array(3 * width).fill(1);
    for (const backend of all) {
      const found = await run(backend, update(rows, width, 3), Int32Array.of(5, rows, 7), source, table);
      expect(found.report).toEqual({ fault: "index", group: 0, value: rows });
      expect(found.table).toEqual(table);
    }
  });

  it("are whole where somebody reads them otherwise, where they outlive the plan, and where many rows are touched", () => {
    expect(sparseTables(update(9066, 50, 64, { offset: 1 })).size).toBe(0);
    expect(sparseTables(update(9066, 50, 64, { gradient: "bound" })).size).toBe(0);
    expect(sparseTables(update(9066, 50, 5000)).size).toBe(0);
    expect(sparseTables(update(100, 50, 4)).size).toBe(0);
  });
});

async function run(
  backend: CpuBackend | Interpreter | (typeof all)[number],
  plan: Plan,
  index: Int32Array,
  source: Float32Array,
  table: Float32Array,
) {
  const sum = new Float32Array(1);
  const memory = [index, source, table, sum];
  const bound = memory.map((data) => {
    const allocation = backend.allocate(data.byteLength);
    backend.write(allocation, data);
    return allocation;
  });
  const executable = backend.compile(plan);
  const report = await backend.submit(executable, { bound, uploads: [], scalars: new Int32Array(0) });
  const after = await Promise.all([backend.read(bound[2]!, table.slice()), backend.read(bound[3]!, sum)]);
  executable.dispose();
  for (const allocation of bound) backend.release(allocation);
  return { report, table: after[0], sum: after[1] };
}
