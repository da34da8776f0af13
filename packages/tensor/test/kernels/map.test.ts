import { describe, expect, it } from "vitest";
import type { Instruction, InstructionOp, Load, MapGroup, Store } from "../../src/backend.js";
import type { DType, HostArray } from "../../src/dtype.js";
import { Draw, span } from "./draw.js";
import { backends, expectAgreement, outcome, seeds } from "./outcome.js";

const all = backends();

const floatUnary = [
  "neg",
  "recip",
  "exp",
  "log",
  "sin",
  "cos",
  "sqrt",
  "tanh",
  "sigmoid",
  "erf",
  "atan",
  "floor",
  "abs",
  "sign",
] as const;

/** One instruction over one f32 array. */
function unary(op: InstructionOp, length: number): MapGroup {
  return {
    kind: "map",
    dims: [length],
    loads: [{ kind: "memory", slot: 0, dtype: "f32", strides: [1], offset: 0 }],
    instructions: [{ op, type: "f32", inputs: [0] }],
    stores: [{ register: 1, slot: 1, dtype: "f32", strides: [1], offset: 0 }],
    commit: false,
    label: op,
  };
}

describe("instructions", () => {
  const special = [
    0,
    -0,
    1,
    -1,
    0.5,
    Infinity,
    -Infinity,
    NaN,
    88.7,
    89,
    -87,
    -104,
    1e-30,
    3e38,
    1e5,
    -1e7,
    1e15,
    3.9,
    4.1,
    1e-39,
  ];
  const x = new Float32Array(1500);
  const draw = new Draw(3);
  for (let i = 0; i < x.length; i++) x[i] = special[i] ?? (draw.unit() - 0.5) * 10 ** draw.int(-4, 2);

  it.each(floatUnary)("%s is accurate and handles special values", async (op) => {
    const work = { groups: [unary(op, x.length)], memory: [x, new Float32Array(x.length)] };
    await expectAgreement(all, work, 4e-7, op);
  });
});

/** A program of random instructions over loads of every kind, with several stores. */
function randomProgram(draw: Draw): { group: MapGroup; memory: HostArray[]; scalars: Int32Array } {
  const rank = draw.int(0, 5);
  const largest = draw.pick([3, 3, 7, 70]);
  const dims = Array.from({ length: rank }, () => (draw.chance(0.03) ? 0 : draw.int(1, rank > 3 ? 7 : largest)));
  const memory: HostArray[] = [];
  const loads: Load[] = [];
  const types: ("f32" | "i32")[] = [];
  const order = draw.shuffled(dims.map((_, d) => d));
  for (let n = draw.int(1, 6); n > 0; n--) {
    const kind = draw.pick(["memory", "memory", "memory", "scalar", "iota"] as const);
    if (kind === "scalar") {
      const dtype = draw.pick(["f32", "i32"] as const);
      loads.push({ kind, index: dtype === "f32" ? 0 : 1, dtype });
      types.push(dtype);
    } else if (kind === "iota") {
      loads.push({ kind, strides: dims.map(() => draw.int(-3, 3)), offset: draw.int(-5, 5) });
      types.push("i32");
    } else {
      const dtype = draw.pick(["f32", "f32", "i32", "u8", "bool"] as const);
      const dense = draw.chance(0.7) ? draw.dense(dims, order, false) : draw.dense(dims);
      const strides = dense.map((s) => (draw.chance(0.2) ? 0 : draw.chance(0.1) ? -s : s));
      const { offset, length } = span(dims, strides);
      loads.push({ kind, slot: memory.length, dtype, strides, offset });
      memory.push(draw.memory(dtype, length));
      types.push(dtype === "f32" ? "f32" : "i32");
    }
  }
  const instructions: Instruction[] = [];
  const ofType = (type: "f32" | "i32") => types.flatMap((it, i) => (it === type ? [i] : []));
  for (let n = draw.int(0, 12); n > 0; n--) {
    const type = draw.pick(
      ofType("f32").length === 0
        ? (["i32"] as const)
        : ofType("i32").length === 0
          ? (["f32"] as const)
          : (["f32", "i32"] as const),
    );
    const from = ofType(type);
    const conditions = ofType("i32");
    const unaryOps: InstructionOp[] =
      type === "f32"
        ? ["neg", "tanh", "sigmoid", "erf", "atan", "floor", "abs", "sign", "sin", "toBool"]
        : ["neg", "abs", "sign", "toFloat", "toBool", "toByte", "uniform"];
    const op = draw.pick<InstructionOp>(
      draw.chance(0.4)
        ? unaryOps
        : ["add", "mul", "max", "lt", "eq", ...(conditions.length > 0 ? (["where"] as const) : [])],
    );
    // i32 values stay small and f32 values tame, so that the f64 oracle rounds alike.
    const arity = op === "where" ? 3 : unaryOps.includes(op) ? 1 : 2;
    const inputs = Array.from({ length: arity }, (_, k) =>
      op === "where" && k === 0 ? draw.pick(conditions) : draw.pick(from),
    );
    instructions.push({ op, type, inputs });
    types.push(
      ["lt", "eq", "toBool", "toByte"].includes(op) ? "i32" : op === "toFloat" || op === "uniform" ? "f32" : type,
    );
  }
  const stores: Store[] = [];
  for (let n = draw.int(1, 3); n > 0; n--) {
    const register = draw.chance(0.5) ? types.length - 1 : draw.int(0, types.length - 1);
    const dtype: DType = types[register] === "f32" ? "f32" : draw.pick(["i32", "u8"] as const);
    const inPlace = loads.findIndex(
      (load) =>
        load.kind === "memory" &&
        load.dtype === dtype &&
        load.strides.every((s, d) => s !== 0 || dims[d]! < 2) &&
        !stores.some((store) => store.slot === load.slot),
    );
    const target = loads[inPlace];
    if (draw.chance(0.4) && target?.kind === "memory") {
      const { slot, strides, offset } = target;
      stores.push({ register, slot, dtype, strides, offset });
      continue;
    }
    const dense = draw.chance(0.6) ? draw.dense(dims, order, false) : draw.dense(dims);
    const strides = dense.map((s) => (draw.chance(0.1) ? -s : s));
    const { offset, length } = span(dims, strides);
    stores.push({ register, slot: memory.length, dtype, strides, offset });
    memory.push(draw.memory(dtype, length + draw.int(0, 3)));
  }
  const scalars = new Int32Array(new Float32Array([0.75, 0]).buffer);
  scalars[1] = 5;
  return { group: { kind: "map", dims, loads, instructions, stores, commit: false, label: "random" }, memory, scalars };
}

describe("map groups", () => {
  it("agree with the interpreter on random programs", async () => {
    for (let seed = 0; seed < seeds(600); seed++) {
      const { group, memory, scalars } = randomProgram(new Draw(seed));
      await expectAgreement(all, { groups: [group], memory, scalars }, 2e-4, `seed ${seed}`);
    }
  });

  it("swap two places", async () => {
    const load = (slot: number): Load => ({ kind: "memory", slot, dtype: "f32", strides: [1], offset: 0 });
    const store = (register: number, slot: number): Store => ({
      register,
      slot,
      dtype: "f32",
      strides: [1],
      offset: 0,
    });
    const group: MapGroup = {
      kind: "map",
      dims: [3000],
      loads: [load(0), load(1)],
      instructions: [],
      stores: [store(1, 0), store(0, 1)],
      commit: false,
      label: "swap",
    };
    const draw = new Draw(1);
    await expectAgreement(
      all,
      { groups: [group], memory: [draw.memory("f32", 3000), draw.memory("f32", 3000)] },
      0,
      "swap",
    );
  });

  it("cut long spaces into chunks with the same bits for any number of threads", async () => {
    const draw = new Draw(9);
    for (const channels of [1, 3, 64, 100, 700]) {
      const dims = [Math.ceil(400000 / channels), channels];
      const memory = [
        draw.memory("f32", dims[0]! * channels),
        draw.memory("f32", channels),
        draw.memory("f32", dims[0]!),
        new Float32Array(dims[0]! * channels),
      ];
      const group: MapGroup = {
        kind: "map",
        dims,
        commit: false,
        label: "scale",
        loads: [
          { kind: "memory", slot: 0, dtype: "f32", strides: [channels, 1], offset: 0 },
          { kind: "memory", slot: 1, dtype: "f32", strides: [0, 1], offset: 0 },
          { kind: "memory", slot: 2, dtype: "f32", strides: [1, 0], offset: 0 },
        ],
        instructions: [
          { op: "exp", type: "f32", inputs: [0] },
          { op: "tanh", type: "f32", inputs: [1] },
          { op: "mul", type: "f32", inputs: [3, 4] },
          { op: "add", type: "f32", inputs: [5, 2] },
        ],
        stores: [{ register: 6, slot: 3, dtype: "f32", strides: [channels, 1], offset: 0 }],
      };
      await expectAgreement(all, { groups: [group], memory }, 1e-6, `${channels} channels`);
    }
  });

  it("transpose large spaces, and rows of a few elements", async () => {
    const draw = new Draw(2);
    for (const [dims, from, to] of [
      [
        [160, 208],
        [1, 160],
        [208, 1],
      ],
      [
        [5, 96, 7, 64],
        [1, 5, 96 * 5, 96 * 35],
        [96 * 7 * 64, 7 * 64, 64, 1],
      ],
      [
        [4, 90, 100, 3],
        [27_000, 100, 1, 9000],
        [27_000, 300, 3, 1],
      ],
      [
        [4, 3, 90, 100],
        [27_000, 1, 300, 3],
        [27_000, 9000, 100, 1],
      ],
    ] as const) {
      const length = dims.reduce((a: number, b) => a * b, 1);
      const memory = [draw.memory("f32", length), draw.memory("u8", length), new Float32Array(length)];
      const group: MapGroup = {
        kind: "map",
        dims,
        commit: false,
        label: "transpose",
        loads: [
          { kind: "memory", slot: 0, dtype: "f32", strides: from, offset: 0 },
          { kind: "memory", slot: 1, dtype: "u8", strides: to, offset: 0 },
          { kind: "iota", strides: to, offset: 0 },
        ],
        instructions: [
          { op: "add", type: "i32", inputs: [1, 2] },
          { op: "toFloat", type: "i32", inputs: [3] },
          { op: "add", type: "f32", inputs: [0, 4] },
        ],
        stores: [{ register: 5, slot: 2, dtype: "f32", strides: to, offset: 0 }],
      };
      await expectAgreement(all, { groups: [group], memory }, 1e-6, `${dims}`);
    }
  });

  it("draw the bits of Philox", async () => {
    const scalar = (index: number): Load => ({ kind: "scalar", index, dtype: "i32" });
    for (const [offset, stride, length] of [
      [0, 1, 5000],
      [7, 1, 3001],
      [-3, 1, 100],
      [5, 3, 700],
      [2000, -1, 1500],
    ] as const) {
      const group: MapGroup = {
        kind: "map",
        dims: [length],
        commit: false,
        label: "random",
        loads: [{ kind: "iota", strides: [stride], offset }, scalar(0), scalar(1), scalar(2), scalar(3)],
        instructions: [
          { op: "random", type: "i32", inputs: [0, 1, 2, 3, 4] },
          { op: "uniform", type: "i32", inputs: [5] },
        ],
        stores: [
          { register: 5, slot: 0, dtype: "i32", strides: [1], offset: 0 },
          { register: 6, slot: 1, dtype: "f32", strides: [1], offset: 0 },
        ],
      };
      const memory = [new Int32Array(length), new Float32Array(length)];
      await expectAgreement(
        all,
        { groups: [group], memory, scalars: Int32Array.of(0x12345678, -77, 3, 9) },
        0,
        `from ${offset} by ${stride}`,
      );
    }
  });

  it("convert to integers as the contract says", async () => {
    const x = Float32Array.of(1.9, -1.9, NaN, Infinity, -Infinity, 2147483648, -2147483648, 2147483520, 3e9, -3e9, 0.5);
    const group: MapGroup = {
      ...unary("toInt", x.length),
      stores: [{ register: 1, slot: 1, dtype: "i32", strides: [1], offset: 0 }],
    };
    for (const backend of all) {
      const { memory } = await outcome(backend, { groups: [group], memory: [x, new Int32Array(x.length)] });
      expect([...memory[1]!]).toEqual([
        1, -1, 0, 2147483647, -2147483648, 2147483647, -2147483648, 2147483520, 2147483647, -2147483648, 0,
      ]);
    }
  });
});
