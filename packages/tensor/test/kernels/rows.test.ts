import { describe, expect, it } from "vitest";
import type { ContractGroup, ContractOp, ContractParams, Operand, PoolParams } from "../../src/backend.js";
import type { DType, HostArray } from "../../src/dtype.js";
import { type Shape, sizeOf } from "../../src/shape.js";
import { Draw, operand, span } from "./draw.js";
import { backends, expectAgreement, outcome, seeds } from "./outcome.js";

const all = backends();
const channelsLast = ([, c, h, w]: Shape) => [c! * h! * w!, 1, c! * w!, c!];

function contract<O extends ContractOp>(op: O, params: ContractParams[O], inputs: Operand[], outputs: Operand[]) {
  return { kind: "contract", op, params, inputs, outputs, commit: false, label: op } as ContractGroup<O> as never;
}

function memoryOf(draw: Draw, operands: readonly Operand[]): HostArray[] {
  return operands.map(({ dtype, shape, strides }) => draw.memory(dtype, span(shape, strides).length));
}

describe("pooling", () => {
  it("agrees with the interpreter on random geometries", async () => {
    for (let seed = 0; seed < seeds(200); seed++) {
      const draw = new Draw(seed);
      const kernel = [draw.int(1, 4), draw.int(1, 4)] as const;
      const params: PoolParams = {
        kind: draw.pick(["max", "avg"] as const),
        kernel,
        stride: [draw.int(1, 3), draw.int(1, 3)],
        padding: [draw.int(0, kernel[0] >> 1), draw.int(0, kernel[1] >> 1)],
        countIncludePad: draw.chance(0.5),
      };
      const x = [draw.int(1, 3), draw.pick([1, 3, 16, 70, 130]), draw.int(4, 12), draw.int(4, 12)];
      const y = [
        x[0]!,
        x[1]!,
        ...[0, 1].map((d) => Math.floor((x[2 + d]! + 2 * params.padding[d]! - kernel[d]!) / params.stride[d]!) + 1),
      ];
      const operands = [x, y, x].map((shape, i) => operand(i, "f32", shape, channelsLast(shape)));
      const [image, pooled, back] = operands as [Operand, Operand, Operand];
      const memory = memoryOf(draw, [...operands, pooled]);
      if (draw.chance(0.4))
        for (let n = 0; n < 9; n++)
          memory[0]![draw.int(0, memory[0]!.length - 1)] = draw.pick([NaN, Infinity, -Infinity, 1.5]);
      if (draw.chance(0.3))
        memory[0]!.forEach((v, i) => {
          memory[0]![i] = Math.round(v);
        });
      const groups = [
        contract("pool", params, [image], [{ ...pooled, slot: 3 }]),
        contract("poolBack", params, [image, pooled], [back]),
      ];
      await expectAgreement(all, { groups, memory }, 1e-5, `seed ${seed}: ${JSON.stringify(params)} ${x}`);
    }
  });
});

/** Random shapes, axis, and an index that is constant along some dimensions (as an expanded one). */
function indexed(draw: Draw): {
  shape: number[];
  axis: number;
  size: number;
  indexStrides: number[];
  index: HostArray;
} {
  const rank = draw.int(1, 4);
  const shape = Array.from({ length: rank }, () => draw.int(1, 9));
  const axis = draw.int(0, rank - 1);
  const size = draw.int(1, 12);
  const dense = draw.chance(0.5)
    ? draw.dense(shape)
    : draw.dense(
        shape,
        shape.map((_, d) => d),
        false,
      );
  const indexStrides = dense.map((s, d) => (d !== axis && draw.chance(0.4) ? 0 : s));
  const index = new Int32Array(span(shape, indexStrides).length).map(() => draw.int(0, size - 1));
  return { shape, axis, size, indexStrides, index };
}

describe("gather and scatterAdd", () => {
  it("agree with the interpreter on random shapes", async () => {
    for (let seed = 0; seed < seeds(400); seed++) {
      const draw = new Draw(seed);
      const { shape, axis, size, indexStrides, index } = indexed(draw);
      const x = shape.map((n, d) => (d === axis ? size : n + draw.pick([0, 0, 2])));
      const dtype = draw.pick(["f32", "i32", "u8"] as const);
      const added = draw.pick(["f32", "i32"] as const);
      const operands: Operand[] = [
        operand(0, dtype, x, draw.dense(x)),
        operand(1, "i32", shape, indexStrides),
        operand(2, dtype, shape, draw.dense(shape)),
        operand(3, added, shape, draw.dense(shape)),
        operand(
          4,
          added,
          x,
          draw.dense(
            x,
            x.map((_, d) => d),
            false,
          ),
        ),
      ];
      const memory = memoryOf(draw, operands);
      memory[1] = index;
      if (draw.chance(0.15)) index[draw.int(0, index.length - 1)] = draw.pick([-1, size, 1 << 30]);
      const groups = [
        contract("gather", { axis }, [operands[0]!, operands[1]!], [operands[2]!]),
        contract("scatterAdd", { axis }, [operands[1]!, operands[3]!], [operands[4]!]),
      ];
      await expectAgreement(all, { groups, memory }, 1e-5, `seed ${seed}: ${shape} axis ${axis} of ${size}`);
    }
  });

  it("move the rows of an embedding", async () => {
    const draw = new Draw(4);
    const [words, width, count] = [3000, 200, 900];
    const index = new Int32Array(count).map(() => draw.int(0, words - 1) >> draw.int(0, 8));
    const rows = [count, width];
    const operands = [
      operand(0, "f32", [words, width], [width, 1]),
      operand(1, "i32", rows, [1, 0]),
      operand(2, "f32", rows, [width, 1]),
      operand(3, "f32", [words, width], [width, 1]),
    ];
    const memory = memoryOf(draw, operands);
    memory[1] = index;
    const groups = [
      contract("gather", { axis: 0 }, [operands[0]!, operands[1]!], [operands[2]!]),
      contract("scatterAdd", { axis: 0 }, [operands[1]!, operands[2]!], [operands[3]!]),
    ];
    await expectAgreement(all, { groups, memory }, 1e-5, "embedding");
  });

  it("pick one of each row", async () => {
    const draw = new Draw(4);
    const [rows, classes] = [5000, 37];
    const operands = [
      operand(0, "f32", [rows, classes], [classes, 1]),
      operand(1, "i32", [rows, 1], [1, 1]),
      operand(2, "f32", [rows, 1], [1, 1]),
      operand(3, "f32", [rows, classes], [classes, 1]),
    ];
    const memory = memoryOf(draw, operands);
    memory[1] = new Int32Array(rows).map(() => draw.int(0, classes - 1));
    const groups = [
      contract("gather", { axis: 1 }, [operands[0]!, operands[1]!], [operands[2]!]),
      contract("scatterAdd", { axis: 1 }, [operands[1]!, operands[2]!], [operands[3]!]),
    ];
    await expectAgreement(all, { groups, memory }, 1e-5, "pick");
  });

  it("report the first index out of range and touch nothing else", async () => {
    const operands = [operand(0, "f32", [4], [1]), operand(1, "i32", [3], [1]), operand(2, "f32", [3], [1])];
    for (const backend of all) {
      const memory = [Float32Array.of(1, 2, 3, 4), Int32Array.of(3, -7, 9), new Float32Array(3)];
      const group = contract("gather", { axis: 0 }, [operands[0]!, operands[1]!], [operands[2]!]);
      const after = await outcome(backend, { groups: [group], memory });
      expect(after.report).toEqual({ fault: "index", group: 0, value: -7 });
      expect([...after.memory[2]!]).toEqual([4, 0, 0]);
    }
  });
});

describe("sort", () => {
  it("agrees with the interpreter, NaN and ties included", async () => {
    for (let seed = 0; seed < seeds(120); seed++) {
      const draw = new Draw(seed);
      const shape = [
        ...Array.from({ length: draw.int(0, 2) }, () => draw.int(1, 6)),
        draw.pick([0, 1, 2, 5, 31, 33, 100, 700]),
      ];
      const dtype: DType = draw.pick(["f32", "f32", "i32", "u8"] as const);
      const operands = [
        operand(0, dtype, shape, draw.dense(shape)),
        operand(1, dtype, shape, draw.dense(shape)),
        operand(2, "i32", shape, draw.dense(shape)),
      ];
      const memory = memoryOf(draw, operands);
      if (dtype === "f32" && memory[0]!.length > 0) {
        if (draw.chance(0.5))
          memory[0]!.forEach((v, i) => {
            memory[0]![i] = Math.round(v) * (draw.chance(0.1) ? -0 : 1);
          });
        for (let n = 0; n < 4; n++)
          memory[0]![draw.int(0, memory[0]!.length - 1)] = draw.pick([NaN, Infinity, -Infinity, -0, 0]);
      }
      if (sizeOf(shape) === 0) continue;
      const group = contract("sort", { descending: draw.chance(0.5) }, [operands[0]!], [operands[1]!, operands[2]!]);
      await expectAgreement(all, { groups: [group], memory }, 0, `seed ${seed}: ${dtype} ${shape}`);
    }
  });
});

describe("checkFinite", () => {
  it("sets the guard, and later commits are skipped", async () => {
    for (const [at, value] of [
      [0, NaN],
      [99_999, Infinity],
      [50_000, -Infinity],
      [3, 1],
    ] as const) {
      const x = new Float32Array(400_000).fill(0.5);
      x[at] = value;
      const store = {
        kind: "map",
        dims: [1],
        loads: [{ kind: "iota", strides: [0], offset: 7 }],
        instructions: [],
        stores: [{ register: 0, slot: 1, dtype: "i32", strides: [1], offset: 0 }],
        commit: true,
        label: "commit",
      } as const;
      const groups = [contract("checkFinite", null, [operand(0, "f32", [400_000], [1])], []), store as never];
      for (const backend of all) {
        const after = await outcome(backend, { groups, memory: [x, Int32Array.of(1)] });
        const isBad = !Number.isFinite(value);
        expect(after.report).toEqual(isBad ? { fault: "nonFinite", group: 0, value: 0 } : undefined);
        expect(after.memory[1]![0]).toBe(isBad ? 1 : 7);
      }
    }
  });
});
