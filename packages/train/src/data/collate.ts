import { type HostArray, leaf, type Shape, type Tensor, TensorError } from "@fai/tensor";

/**
 * An array that holds one entry for each row, one after another: f32 (Float32Array), i32 (Int32Array) or u8 (Uint8Array).
 * Bytes stay bytes: images go to the device as u8 and are normalized there.
 */
export interface Column {
  readonly data: HostArray;
  /** Shape of one entry: [1, 28, 28] of an image, [] of a number (the default). */
  readonly shape?: Shape;
}

/** Number of rows of a column; throws, naming it, when it is no typed array that tensors hold or has no whole rows. */
export function checkColumn(name: string, { data, shape = [] }: Column): number {
  dtypeOf(name, data);
  const size = shape.reduce((n, d) => n * d, 1);
  if (shape.every((d) => Number.isInteger(d) && d > 0) && data.length % size === 0) return data.length / size;
  throw new TensorError(
    "ArrayDataset",
    `${name} has ${data.length} elements, which are no whole entries of [${shape.join(", ")}]. Is shape that of one row?`,
  );
}

/**
 * The rows at `index` of a column as one host tensor [index.length, ...shape]. They are copied once; rows that lie behind one
 * another are not copied at all.
 */
export function gatherRows({ data, shape = [] }: Column, index: Int32Array): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const dtype = dtypeOf("a column", data);
  return leaf(copyRows(data, hostArrays[dtype], size, index), [index.length, ...shape], dtype);
}

interface HostArrayConstructor {
  new (length: number): HostArray;
  new (buffer: ArrayBufferLike, offset: number, length: number): HostArray;
}

const hostArrays: Record<"f32" | "i32" | "u8", HostArrayConstructor> = {
  f32: Float32Array,
  i32: Int32Array,
  u8: Uint8Array,
};

/** `Plain` is the array's type without what Node's Buffer adds to it. */
function copyRows(data: HostArray, Plain: HostArrayConstructor, size: number, index: Int32Array): HostArray {
  const first = index[0] ?? 0;
  if (index.every((row, i) => row === first + i)) {
    return new Plain(data.buffer, data.byteOffset + first * size * data.BYTES_PER_ELEMENT, index.length * size);
  }
  const out = new Plain(index.length * size);
  if (size === 1) for (let i = 0; i < index.length; i++) out[i] = data[index[i]!]!;
  else
    for (let i = 0; i < index.length; i++) out.set(data.subarray(index[i]! * size, (index[i]! + 1) * size), i * size);
  return out;
}

function dtypeOf(name: string, data: HostArray): keyof typeof hostArrays {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint8Array) return "u8";
  const given = (data as object | undefined)?.constructor?.name ?? String(data);
  throw new TensorError(
    "ArrayDataset",
    `${name} is of type ${given}, expected a Float32Array, an Int32Array or a Uint8Array. Convert it with Float32Array.from(...)?`,
  );
}
