import type { DType } from "../../src/dtype.js";
import { contiguousStrides, type Shape, sizeOf } from "../../src/shape.js";

/** Elements of a reference array: f64 stands for f32, so that rounding is never the reference's; whole numbers are exact. */
export type Numbers = Float64Array | Int32Array | Uint8Array;

/** A value of the reference evaluator, row-major. */
export interface ReferenceArray {
  readonly data: Numbers;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A zeroed array of `size` elements; i32 and u8 wrap when stored to, as on the devices. */
export function numbers(dtype: DType, size: number): Numbers {
  if (dtype === "f32") return new Float64Array(size);
  return dtype === "i32" ? new Int32Array(size) : new Uint8Array(size);
}

/** The array whose element i is `element(i)`. */
export function filled(dtype: DType, size: number, element: (i: number) => number): Numbers {
  const out = numbers(dtype, size);
  for (let i = 0; i < size; i++) out[i] = element(i);
  return out;
}

/** For each element of `shape` in row-major order: start + sum of its index times `strides`. */
export function offsets(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  const out = new Int32Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let at = start;
  for (let i = 0; i < out.length; i++) {
    out[i] = at;
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d]!++;
      at += strides[d]!;
      if (index[d]! < shape[d]!) break;
      at -= shape[d]! * strides[d]!;
      index[d] = 0;
    }
  }
  return out;
}

/** The elements of `x` that a strided window of `shape` shows. */
export function view(x: ReferenceArray, shape: Shape, strides: readonly number[], start = 0): Numbers {
  const from = offsets(shape, strides, start);
  return filled(x.dtype, from.length, (i) => x.data[from[i]!]!);
}

/** For each element of x: the position in the reduced array (reduced axes of size 1) that it falls into. */
export function reducedOffsets(shape: Shape, axes: readonly number[]): Int32Array {
  const strides = contiguousStrides(shape.map((d, i) => (axes.includes(i) ? 1 : d)));
  return offsets(
    shape,
    strides.map((s, i) => (axes.includes(i) ? 0 : s)),
  );
}

/** True when `a` is larger than `b` in the order of maxima and sorts: NaN is the largest. */
export function exceeds(a: number, b: number): boolean {
  return a > b || (Number.isNaN(a) && !Number.isNaN(b));
}

/** f32 -> i32: truncates, saturates, NaN gives 0. */
export function truncate(x: number): number {
  if (Number.isNaN(x)) return 0;
  return Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(x)));
}

/** The error function to f64 precision: erf x = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!! (Abramowitz and Stegun 7.1.6, all terms positive). */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > Math.abs(total) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}
