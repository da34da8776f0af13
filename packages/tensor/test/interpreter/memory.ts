import type { Operand } from "../../src/backend.js";
import { byteSize, type DType } from "../../src/dtype.js";
import { floatToHalf, halfToFloat } from "../../src/half.js";
import { offsets } from "../reference/array.js";

/** Bytes with one view a dtype; every access is checked against `start` and `bytes`. */
export class Memory {
  readonly start: number;
  readonly bytes: number;
  readonly buffer: ArrayBuffer;
  private readonly f32: Float32Array;
  private readonly i32: Int32Array;
  private readonly u16: Uint16Array;
  private readonly u8: Uint8Array;

  constructor(buffer: ArrayBuffer, start: number, bytes: number) {
    this.buffer = buffer;
    this.start = start;
    this.bytes = bytes;
    this.f32 = new Float32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** The byte at which element `at` of `dtype` lies; throws when it is outside. */
  address(dtype: DType, at: number): number {
    const size = byteSize[dtype];
    if (at < 0 || (at + 1) * size > this.bytes)
      throw new Error(`element ${at} of ${dtype} lies outside ${this.bytes} bytes`);
    return this.start + at * size;
  }

  get(dtype: DType, at: number): number {
    const address = this.address(dtype, at);
    if (dtype === "f32") return this.f32[address / 4]!;
    if (dtype === "f16") return halfToFloat(this.u16[address / 2]!);
    return dtype === "i32" ? this.i32[address / 4]! : this.u8[address]!;
  }

  set(dtype: DType, at: number, value: number): void {
    const address = this.address(dtype, at);
    if (dtype === "f32") this.f32[address / 4] = value;
    else if (dtype === "f16") this.u16[address / 2] = floatToHalf(value);
    else if (dtype === "i32") this.i32[address / 4] = value;
    else this.u8[address] = value;
  }
}

/** The elements that an operand shows, row-major. */
export function gatherOperand(
  { slot, dtype, shape, strides, offset }: Operand,
  slots: readonly Memory[],
): Float64Array {
  return Float64Array.from(offsets(shape, strides, offset), (at) => slots[slot]!.get(dtype, at));
}

/** Stores row-major elements where an operand points. */
export function scatterOperand(
  { slot, dtype, shape, strides, offset }: Operand,
  slots: readonly Memory[],
  data: ArrayLike<number>,
): void {
  const to = offsets(shape, strides, offset);
  for (let i = 0; i < to.length; i++) slots[slot]!.set(dtype, to[i]!, data[i]!);
}
