import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as codes from "../../src/backends/cpu/codes.js";
import { gemmThreadBytes } from "../../src/backends/cpu/encodeMatmul.js";

const source = (name: string) =>
  readFileSync(new URL(`../../kernels/${name}`, import.meta.url), "utf8").replace(/\/\/.*$/gm, "");

/** The names of an enum of program.h, without their prefix, numbered. */
function enumOf(name: string): Record<string, number> {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(source("program.h"))![1]!;
  const names = body.split(",").map((it) => it.trim());
  return Object.fromEntries(names.filter((it) => it !== "").map((it, i) => [it.replace(/^[A-Z]+?_/, ""), i]));
}

/** What a constant of a header is set to. */
function constant(file: string, name: string): number {
  const [, value, shift] = new RegExp(`${name} = (\\d+)(?: << (\\d+))?`).exec(source(file))!;
  return Number(value) * 2 ** Number(shift ?? 0);
}

describe("the numbers of programs", () => {
  it.each([
    ["GroupKind", codes.groupKinds],
    ["TileOp", codes.tileOps],
    ["Access", codes.accesses],
    ["ReduceOp", codes.reduceOps],
  ] as const)("%s is the same list on both sides", (name, mirror) => {
    expect(mirror).toEqual(enumOf(name));
  });

  it("limits are the same on both sides", () => {
    expect(codes.directResult).toBe(constant("program.h", "DIRECT_RESULT"));
    expect(codes.maxDims).toBe(constant("program.h", "MAX_DIMS"));
    expect(codes.maxRegisters).toBe(constant("program.h", "MAX_REGISTERS"));
    expect(codes.maxReductions).toBe(constant("program.h", "MAX_REDUCTIONS"));
    expect(codes.maxSegments).toBe(constant("program.h", "MAX_SEGMENTS"));
    expect(codes.maxParts).toBe(constant("program.h", "MAX_PARTS"));
    expect(codes.maxThreads).toBe(constant("abi.h", "MAX_THREADS"));
    expect(gemmThreadBytes).toBe(constant("gemm.h", "GEMM_THREAD_BYTES"));
  });
});
