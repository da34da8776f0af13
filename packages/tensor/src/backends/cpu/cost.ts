import type { Instruction, Load, Store } from "../../backend.js";

/*
 * Predicted run times on one core with AVX-512, in nanoseconds: they decide where work is cut into chunks and whether
 * a plan is worth another thread. They depend on shapes alone.
 */

// biome-ignore format: one list
const slowOps: Partial<Record<Instruction["op"], number>> = {
  exp: 0.45, log: 0.5, sin: 1, cos: 1, sqrt: 0.2, tanh: 0.7, sigmoid: 0.5, erf: 1.1, atan: 0.4, div: 0.15, recip: 0.15,
  random: 1.5, toHalf: 0.2,
};

/** Halves are converted in software. */
const halfNanoseconds = 0.25;

/** Time of a map or reduce group's program for each element. */
export function elementNanoseconds(
  dims: readonly number[],
  loads: readonly Load[],
  instructions: readonly Instruction[],
  stores: readonly Store[],
): number {
  let time = 0.02;
  for (const load of loads) {
    if (load.kind !== "memory") continue;
    const inner = load.strides.findLastIndex((_, d) => dims[d]! > 1);
    const moving = load.strides.some((stride, d) => stride !== 0 && dims[d]! > 1);
    if (moving) time += Math.abs(load.strides[inner] ?? 1) > 1 ? 1 : load.dtype === "f16" ? halfNanoseconds : 0.1;
  }
  for (const { op } of instructions) time += slowOps[op] ?? 0.06;
  for (const { dtype } of stores)
    time += dtype === "f16" ? halfNanoseconds : dtype === "f32" || dtype === "i32" ? 0.15 : 0.1;
  return time;
}

/** Chunks of about this much work keep threads busy and cost little to hand out. */
export const chunkNanoseconds = 40_000;

/** How many of `units` equal pieces of work belong in a chunk. */
export function unitsPerChunk(units: number, unitNanoseconds: number): number {
  if (units * unitNanoseconds < 1.5 * chunkNanoseconds) return Math.max(1, units);
  return Math.max(1, Math.ceil(chunkNanoseconds / unitNanoseconds));
}

/** What handing a group to the kernels costs. */
export const groupNanoseconds = 300;
/** Multiplications and additions in a nanosecond, in good contractions. */
export const flopsPerNanosecond = 95;
