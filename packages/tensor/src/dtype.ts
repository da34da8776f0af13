import { TensorError } from "./errors.js";

/**
 * Element types of tensors: 32-bit float, 32-bit signed integer, unsigned byte, boolean (one byte, 0 or 1), and IEEE half, which is a
 * way to store numbers: it is computed on as f32 and rounded.
 */
export type DType = "f32" | "f16" | "i32" | "u8" | "bool";

/** Element types of memory and files. */
export type StorageDType = DType | "bf16";

/** The typed arrays that hold tensor data on the host: f32 Float32Array, i32 Int32Array, u8 and bool Uint8Array, f16 its bits in a Uint16Array. */
export type HostArray = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** What `data()` gives for each dtype. */
export interface HostArrayOf {
  f32: Float32Array;
  /** The numbers, not their bits. */
  f16: Float32Array;
  i32: Int32Array;
  u8: Uint8Array;
  bool: Uint8Array;
}

/** Bytes an element of each dtype takes. */
export const byteSize: Record<StorageDType, number> = { f32: 4, i32: 4, u8: 1, bool: 1, f16: 2, bf16: 2 };

const rank: Record<DType, number> = { bool: 0, u8: 1, i32: 2, f16: 3, f32: 4 };

/** The dtype that holds the result of mixing `a` and `b`: bool < u8 < i32 < f16 < f32 (as PyTorch, without 64-bit types). */
export function promote(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b;
}

/** True for numbers with a fraction, which have derivatives. */
export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16";
}

/** A zeroed host array of `length` elements of `dtype`, as the device holds them: f16 as bits. */
export function hostArray(dtype: DType, length: number): HostArray {
  if (dtype === "f32") return new Float32Array(length);
  if (dtype === "f16") return new Uint16Array(length);
  return dtype === "i32" ? new Int32Array(length) : new Uint8Array(length);
}

/** Throws unless `dtype` is one of `allowed`; `op` names the caller in the message. */
export function requireDType(op: string, name: string, dtype: DType, ...allowed: DType[]): void {
  if (allowed.includes(dtype)) return;
  const to = allowed[0];
  throw new TensorError(
    op,
    `${name} has dtype ${dtype}, expected ${allowed.join(" or ")}. Convert it with .cast("${to}")?`,
  );
}
