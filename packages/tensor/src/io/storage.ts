import type { DType, HostArray } from "../dtype.js";
import { TensorError } from "../errors.js";
import { floatToHalf, halfToFloat } from "../half.js";

/** Element types of safetensors files that are read. */
export type StorageType = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

interface Storage {
  /** Bytes an element takes in the file. */
  readonly bytes: number;
  /** The dtype it becomes. */
  readonly dtype: DType;
  /** The elements of `bytes`, whose offset is a multiple of 8. */
  read(bytes: Uint8Array, name: string): HostArray;
  /** The bytes of `data`. */
  write(data: HostArray, name: string): Uint8Array;
}

/** How each element type of a file is read to and written from host data (little-endian, as the format and every host we run on). */
export const storages: Record<StorageType, Storage> = {
  F64: {
    bytes: 8,
    dtype: "f32",
    read: (bytes) => new Float32Array(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)),
    write: (data) => bytesOf(new Float64Array(data)),
  },
  F32: {
    bytes: 4,
    dtype: "f32",
    // Sliced, so that the bits of NaNs survive.
    read: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice(),
    write: bytesOf,
  },
  F16: {
    bytes: 2,
    dtype: "f32",
    read: (bytes) => Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), halfToFloat),
    write: (data) => bytesOf(Uint16Array.from(data, floatToHalf)),
  },
  BF16: {
    bytes: 2,
    dtype: "f32",
    read: (bytes) => {
      const words = new Uint32Array(bytes.length / 2);
      new Uint16Array(bytes.buffer, bytes.byteOffset, words.length).forEach((half, i) => {
        words[i] = half << 16;
      });
      return new Float32Array(words.buffer);
    },
    write: (data) => bytesOf(Uint16Array.from(data, floatToBfloat)),
  },
  I64: {
    bytes: 8,
    dtype: "i32",
    read: (bytes, name) => {
      const wide = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
      const out = new Int32Array(wide.length);
      for (let i = 0; i < out.length; i++) {
        const value = wide[i]!;
        if (value !== BigInt.asIntN(32, value))
          throw new TensorError("safetensors", `element ${i} of ${name} is ${value}, which i32 does not hold.`);
        out[i] = Number(value);
      }
      return out;
    },
    write: (data) => bytesOf(BigInt64Array.from(data as Int32Array, BigInt)),
  },
  I32: {
    bytes: 4,
    dtype: "i32",
    read: (bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice(),
    write: bytesOf,
  },
  I16: {
    bytes: 2,
    dtype: "i32",
    read: (bytes) => new Int32Array(new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)),
    write: (data, name) => bytesOf(narrowed(new Int16Array(data), data, name, "I16")),
  },
  I8: {
    bytes: 1,
    dtype: "i32",
    read: (bytes) => new Int32Array(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)),
    write: (data, name) => bytesOf(narrowed(new Int8Array(data), data, name, "I8")),
  },
  U8: { bytes: 1, dtype: "u8", read: (bytes) => bytes.slice(), write: bytesOf },
  BOOL: {
    bytes: 1,
    dtype: "bool",
    read: (bytes, name) => {
      const bad = bytes.findIndex((b) => b > 1);
      if (bad >= 0)
        throw new TensorError("safetensors", `element ${bad} of ${name} is the byte ${bytes[bad]}, a BOOL is 0 or 1.`);
      return bytes.slice();
    },
    write: bytesOf,
  },
};

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function narrowed<A extends Int16Array | Int8Array>(narrow: A, data: HostArray, name: string, type: StorageType): A {
  const bad = narrow.findIndex((value, i) => value !== data[i]);
  if (bad >= 0)
    throw new TensorError("safetensors", `element ${bad} of ${name} is ${data[bad]}, which ${type} does not hold.`);
  return narrow;
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The upper half of the f32 nearest to x, ties to even. */
function floatToBfloat(x: number): number {
  float[0] = x;
  const bits = word[0]!;
  if (Number.isNaN(x)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
