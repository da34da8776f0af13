import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Instruction, Load, MapGroup, Store } from "../../src/backend.js";
import type { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import { CodeBuffer } from "../../src/backends/cpu/jit/codeBuffer.js";
import { compile } from "../../src/backends/cpu/jit/compile.js";
import { MicroBuilder } from "../../src/backends/cpu/jit/lower.js";
import { openNative } from "../../src/backends/cpu/native.js";
import { runsHere } from "../runtime/backends.js";
import { Draw } from "./draw.js";
import { backends, expectAgreement, outcome } from "./outcome.js";

const all = backends();

/** A group of loads of whole arrays, then `instructions`, whose last value is stored. */
function group(length: number, arrays: number, instructions: Instruction[], extraStores: Store[] = []): MapGroup {
  const loads = Array.from(
    { length: arrays },
    (_, slot): Load => ({ kind: "memory", slot, dtype: "f32", strides: [1], offset: 0 }),
  );
  const register = arrays + instructions.length - 1;
  const store: Store = { register, slot: arrays, dtype: "f32", strides: [1], offset: 0 };
  return {
    kind: "map",
    dims: [length],
    loads,
    instructions,
    stores: [store, ...extraStores],
    commit: false,
    label: "code",
  };
}

describe("machine code", () => {
  it("keeps more values than there are registers, and more arrays than there are pointers", async () => {
    const draw = new Draw(4);
    for (const arrays of [1, 5, 13, 20]) {
      // All products are alive before the first is added.
      const instructions: Instruction[] = [];
      const products = 28;
      for (let i = 0; i < products; i++) {
        instructions.push({ op: "mul", type: "f32", inputs: [i % arrays, (i * 7 + 1) % arrays] });
      }
      let sum = arrays;
      for (let i = products - 1; i > 0; i--) {
        instructions.push({ op: i % 2 ? "add" : "max", type: "f32", inputs: [sum, arrays + i] });
        sum = arrays + instructions.length - 1;
      }
      for (const length of [8, 77, 3000]) {
        const memory = Array.from({ length: arrays }, () => draw.memory("f32", length));
        const work = { groups: [group(length, arrays, instructions)], memory: [...memory, new Float32Array(length)] };
        await expectAgreement(all, work, 1e-5, `${arrays} arrays of ${length}`);
      }
    }
  });

  it("reads what a store of the same group overwrites before it does", async () => {
    const draw = new Draw(5);
    const instructions: Instruction[] = [
      { op: "mul", type: "f32", inputs: [0, 1] },
      { op: "add", type: "f32", inputs: [3, 2] }, // new value of array 0
      { op: "max", type: "f32", inputs: [0, 4] }, // reads the old one after it
      { op: "neg", type: "f32", inputs: [5] },
    ];
    const overwrite: Store = { register: 4, slot: 0, dtype: "f32", strides: [1], offset: 0 };
    for (const length of [5, 64, 1003]) {
      const memory = Array.from({ length: 3 }, () => draw.memory("f32", length));
      const work = {
        groups: [group(length, 3, instructions, [overwrite])],
        memory: [...memory, new Float32Array(length)],
      };
      await expectAgreement(all, work, 1e-6, `length ${length}`);
    }
  });

  it("is the same bytes for the same loop, once in a plan", () => {
    const loop = () => {
      const b = new MicroBuilder();
      b.write(b.add(b.element(0), b.float(1)), 1);
      return b.program();
    };
    const buffer = new CodeBuffer();
    expect(buffer.add(loop())).toBe(0);
    expect(buffer.add(loop())).toBe(0);
    expect(buffer.finish().length).toBe(Math.ceil(compile(loop()).length / 64) * 64);
  });
});

// vaddps ymm0, ymm0, [rip + pool] and the like, as a disassembler shows them.
it("encodes as the manual says", () => {
  const b = new MicroBuilder();
  b.write(b.add(b.element(0), b.element(9)), 17);
  const hex = Buffer.from(compile(b.program())).toString("hex");
  expect(hex).toContain("488b9700000000"); // mov rdx, [rdi]
  expect(hex).toContain("4c8b8748000000"); // mov r8, [rdi + 72]
  expect(hex).toContain("c4e17c10048a"); // vmovups ymm0, [rdx + rcx * 4]
  expect(hex).toContain("c4c17c580488"); // vaddps ymm0, ymm0, [r8 + rcx * 4]
  expect(hex).toContain("c4c17c110489"); // vmovups [r9 + rcx * 4], ymm0
  expect(hex).toContain("c5f877c3"); // vzeroupper; ret
});

describe.runIf(runsHere("native"))("the native backend", () => {
  let backend: CpuBackend;
  beforeAll(() => {
    backend = openNative();
  });
  afterAll(() => backend.close());

  it("frees the code of plans that are dropped, also while they run", async () => {
    const { engine } = backend;
    const placed = new Set<number>();
    const place = engine.placeCode.bind(engine);
    const free = engine.freeCode.bind(engine);
    engine.placeCode = (code) => {
      const address = place(code);
      placed.add(address);
      return address;
    };
    engine.freeCode = (address, bytes) => {
      expect(placed.delete(address)).toBe(true);
      free(address, bytes);
    };
    const twice: Instruction[] = [
      { op: "add", type: "f32", inputs: [0, 0] },
      { op: "add", type: "f32", inputs: [1, 1] },
    ];
    for (let i = 0; i < 20; i++) {
      const length = i % 2 === 0 ? 100 : 3_000_000;
      const memory = [new Float32Array(length).fill(2), new Float32Array(length)];
      const after = await outcome(backend, { groups: [group(length, 1, twice)], memory });
      expect(after.memory[1]!.every((v) => v === 8)).toBe(true);
    }
    expect(placed.size).toBe(0);
  });
});
