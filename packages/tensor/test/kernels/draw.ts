import type { Operand } from "../../src/backend.js";
import type { DType, HostArray } from "../../src/dtype.js";
import { hostArray } from "../../src/dtype.js";
import { type Shape, sizeOf } from "../../src/shape.js";

/** Seeded draws for tests of kernels (the generator is mulberry32). */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  /** `items` in any order. */
  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }

  /** Memory of small values: f32 in [-2, 2), i32 in [-9, 9], u8 in [0, 255], bool. */
  memory(dtype: DType, length: number): HostArray {
    const data = hostArray(dtype, length);
    for (let i = 0; i < length; i++) {
      if (dtype === "f32") data[i] = this.unit() * 4 - 2;
      else if (dtype === "i32") data[i] = this.int(-9, 9);
      else data[i] = dtype === "u8" ? this.int(0, 255) : this.int(0, 1);
    }
    return data;
  }

  /** Strides of a window on memory that holds `shape` in some order of dimensions, with gaps now and then. */
  dense(shape: Shape, order = this.shuffled(shape.map((_, d) => d)), gaps = this.chance(0.2)): number[] {
    const strides = new Array<number>(shape.length).fill(0);
    let step = 1;
    for (const d of [...order].reverse()) {
      strides[d] = step;
      step *= shape[d]! + (gaps && this.chance(0.5) ? 1 : 0);
    }
    return strides;
  }
}

/** The offset that keeps a window with these strides above zero, and the elements it spans from there. */
export function span(shape: Shape, strides: readonly number[]): { offset: number; length: number } {
  let low = 0;
  let high = 0;
  for (let d = 0; d < shape.length; d++) {
    const reach = Math.max(0, shape[d]! - 1) * strides[d]!;
    if (reach < 0) low += reach;
    else high += reach;
  }
  return { offset: -low, length: sizeOf(shape) === 0 ? 1 : high - low + 1 };
}

/** An operand at the start of its slot. */
export function operand(slot: number, dtype: DType, shape: Shape, strides: readonly number[]): Operand {
  return { slot, dtype, shape, strides, offset: span(shape, strides).offset };
}
