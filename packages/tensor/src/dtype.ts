import { TensorError } from "./errors.js";

/** Element types of tensors: 32-bit float, 32-bit signed integer, unsigned byte, boolean (one byte, 0 or 1). */
export type DType = "f32" | "i32" | "u8" | "bool";

/** Element types that exist only as storage (in files and in GPU memory) and are computed on as f32. */
export type StorageDType = DType | "f16" | "bf16";

/** The typed arrays that hold tensor data on the host: f32 Float32Array, i32 Int32Array, u8 and bool Uint8Array. */
export type HostArray = Float32Array | Int32Array | Uint8Array;

/** The host array type of each dtype. */
export interface HostArrayOf {
  f32: Float32Array;
  i32: Int32Array;
  u8: Uint8Array;
  bool: Uint8Array;
}

/** Bytes an element of each dtype takes. */
export const byteSize: Record<StorageDType, number> = { f32: 4, i32: 4, u8: 1, bool: 1, f16: 2, bf16: 2 };

const rank: Record<DType, number> = { bool: 0, u8: 1, i32: 2, f32: 3 };

/** The dtype that holds the result of mixing `a` and `b`: bool < u8 < i32 < f32 (as PyTorch, without 64-bit types). */
export function promote(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b;
}

/** A zeroed host array of `length` elements of `dtype`. */
export function hostArray<D extends DType>(dtype: D, length: number): HostArrayOf[D] {
  const array =
    dtype === "f32" ? new Float32Array(length) : dtype === "i32" ? new Int32Array(length) : new Uint8Array(length);
  return array as HostArrayOf[D];
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
