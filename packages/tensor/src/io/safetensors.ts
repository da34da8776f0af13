import type { DType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { leafNode } from "../node.js";
import { checkShape } from "../shape.js";
import { Tensor } from "../tensor.js";
import { maxHeaderBytes, readHeader } from "./header.js";
import { type StorageType, storages } from "./storage.js";

/** Tensors by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** The names and tensors of a map or record. */
export function namedEntries(tensors: NamedTensors): [string, Tensor][] {
  return tensors instanceof Map ? [...(tensors as ReadonlyMap<string, Tensor>)] : Object.entries(tensors);
}

/** What a safetensors file holds. */
export interface SafetensorsContent {
  /** The tensors, on the host, in the order of their data. */
  tensors: Map<string, Tensor>;
  /** Texts that travel with them. */
  metadata: Readonly<Record<string, string>>;
}

/** Options of `encodeSafetensors`. */
export interface EncodeOptions {
  /** Texts that travel with the tensors. */
  metadata?: Readonly<Record<string, string>>;
  /**
   * The element type in which a tensor is stored; undefined: the default, which is that of its dtype (F32, F16, I32, U8, BOOL), but
   * I64 for names that end in `num_batches_tracked`, as PyTorch has them.
   */
  storage?: (name: string, tensor: Tensor) => StorageType | undefined;
}

const plain: Record<DType, StorageType> = { f32: "F32", f16: "F16", i32: "I32", u8: "U8", bool: "BOOL" };

const order: readonly StorageType[] = ["I64", "F64", "F32", "I32", "BF16", "F16", "I16", "I8", "U8", "BOOL"];

/** The bytes of a safetensors file (github.com/huggingface/safetensors) of `tensors`, whose values are awaited. */
export async function encodeSafetensors(
  tensors: NamedTensors,
  { metadata, storage }: EncodeOptions = {},
): Promise<Uint8Array> {
  const parts = await Promise.all(
    namedEntries(tensors).map(async ([name, tensor]) => {
      const type =
        storage?.(name, tensor) ??
        (/(^|\.)num_batches_tracked$/.test(name) && tensor.dtype === "i32" ? "I64" : plain[tensor.dtype]);
      if (name === "__metadata__")
        throw new TensorError("safetensors", `a tensor cannot be called ${name}, which the format keeps for itself.`);
      if (storages[type].dtype !== (tensor.dtype === "f16" ? "f32" : tensor.dtype))
        throw new TensorError("safetensors", `${name} has dtype ${tensor.dtype}, which is not stored as ${type}.`);
      return { name, type, shape: tensor.shape, bytes: storages[type].write(await tensor.data(), name) };
    }),
  );
  // The order of the reference implementation: wide elements first, so that all data is aligned, then by name.
  parts.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type) || (a.name < b.name ? -1 : 1));
  const fields: [string, unknown][] = metadata ? [["__metadata__", metadata]] : [];
  let at = 0;
  for (const { name, type, shape, bytes } of parts) {
    fields.push([name, { dtype: type, shape, data_offsets: [at, at + bytes.length] }]);
    at += bytes.length;
  }
  // Built by hand: in an object, names that look like numbers would come first and "__proto__" would vanish.
  const text = `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const json = new TextEncoder().encode(text);
  const header = Math.ceil(json.length / 8) * 8;
  if (header > maxHeaderBytes)
    throw new TensorError("safetensors", `the names and metadata take ${header} bytes, more than ${maxHeaderBytes}.`);
  const file = new Uint8Array(8 + header + at);
  file.fill(0x20, 8, 8 + header);
  new DataView(file.buffer).setUint32(0, header, true);
  file.set(json, 8);
  let offset = 8 + header;
  for (const { bytes } of parts) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/** Options of `decodeSafetensors`. */
export interface DecodeOptions {
  /** The dtype of tensors that are stored as F16 (f32, which models hold). */
  halves?: "f32" | "f16";
}

/**
 * The tensors of a safetensors file. F64, F16 (unless asked for as f16) and BF16 become f32; I64 (when it fits), I16 and I8 become i32. A file that is
 * cut off, lies about its sizes, overlaps, leaves holes or repeats names is refused with a TensorError before anything is read.
 */
export function decodeSafetensors(bytes: Uint8Array, { halves = "f32" }: DecodeOptions = {}): SafetensorsContent {
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length); // Node's Buffer has a slice() that does not copy
  const { entries, metadata, dataStart } = readHeader(file);
  for (const { shape } of entries) checkShape("safetensors", shape);
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape, begin, end } of entries) {
    const storage = storages[type];
    const part = file.subarray(dataStart + begin, dataStart + end);
    const aligned = part.byteOffset % storage.bytes === 0 ? part : part.slice();
    const isHalf = type === "F16" && halves === "f16";
    const leaf = leafNode(shape, isHalf ? "f16" : storage.dtype);
    leaf.holdHost(0, isHalf ? halfBits(aligned) : storage.read(aligned, JSON.stringify(name)));
    tensors.set(name, new Tensor(leaf, 0));
  }
  return { tensors, metadata };
}

/** Copied, so that the file can go, and aligned. */
function halfBits(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.slice().buffer);
}
