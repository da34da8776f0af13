import { TensorError } from "../errors.js";
import { ByteReader } from "./pytorchPickle.js";

function refuse(message: string): never {
  throw new TensorError("pytorch", message);
}

/**
 * The files of a zip archive whose entries are stored as they are, which is how PyTorch writes them; views, by name. Throws when the
 * archive is cut off, is compressed or encrypted, or has entries that lie outside of it.
 */
export function readStoredZip(bytes: Uint8Array): Map<string, Uint8Array> {
  const end = findEnd(bytes);
  const files = new Map<string, Uint8Array>();
  const directory = new ByteReader(bytes, end.offset);
  for (let i = 0; i < end.count; i++) {
    if (directory.u32() !== 0x02014b50) refuse("the zip directory is damaged.");
    directory.take(4);
    const [flags, method] = [directory.u16(), directory.u16()];
    directory.take(8);
    const sizes = { packed: directory.u32(), size: directory.u32(), offset: 0 };
    const [nameLength, extraLength, commentLength] = [directory.u16(), directory.u16(), directory.u16()];
    directory.take(8);
    sizes.offset = directory.u32();
    const name = new TextDecoder().decode(directory.take(nameLength));
    widen(sizes, directory.take(extraLength));
    directory.take(commentLength);
    if ((flags & 1) !== 0 || method !== 0 || sizes.packed !== sizes.size) {
      refuse(
        `${name} in the archive is ${flags & 1 ? "encrypted" : "compressed"}; PyTorch stores entries as they are.`,
      );
    }
    if (files.has(name)) refuse(`the archive has two entries ${name}.`);
    const local = new ByteReader(bytes, sizes.offset);
    if (local.u32() !== 0x04034b50) refuse(`${name} is not where the zip directory says. Is the file damaged?`);
    local.take(22);
    const skip = [local.u16(), local.u16()];
    local.take(skip[0]! + skip[1]!);
    files.set(name, local.take(sizes.size));
  }
  return files;
}

/** Sizes and offset of 0xffffffff stand in the zip64 field instead, in this order. */
function widen(sizes: { packed: number; size: number; offset: number }, extra: Uint8Array): void {
  const fields = new ByteReader(extra);
  while (fields.position + 4 <= extra.length) {
    const [id, length] = [fields.u16(), fields.u16()];
    const field = new ByteReader(fields.take(length));
    if (id !== 1) continue;
    for (const key of ["size", "packed", "offset"] as const) if (sizes[key] === 0xffffffff) sizes[key] = field.u64();
  }
}

function findEnd(bytes: Uint8Array): { count: number; offset: number } {
  const first = Math.max(0, bytes.length - 22 - 0xffff);
  for (let at = bytes.length - 22; at >= first; at--) {
    if (bytes[at] !== 0x50 || bytes[at + 1] !== 0x4b || bytes[at + 2] !== 5 || bytes[at + 3] !== 6) continue;
    const reader = new ByteReader(bytes, at + 10);
    const count = reader.u16();
    reader.take(4);
    const offset = reader.u32();
    return count === 0xffff || offset === 0xffffffff ? findWideEnd(bytes, at) : { count, offset };
  }
  refuse("the file begins as a zip archive, and has no directory at its end. Is the download complete?");
}

function findWideEnd(bytes: Uint8Array, end: number): { count: number; offset: number } {
  if (end < 20) refuse("the zip directory is damaged.");
  const locator = new ByteReader(bytes, end - 20);
  if (locator.u32() !== 0x07064b50) refuse("the zip64 directory is missing.");
  locator.take(4);
  const record = new ByteReader(bytes, locator.u64());
  if (record.u32() !== 0x06064b50) refuse("the zip64 directory is damaged.");
  record.take(28);
  const count = record.u64();
  record.take(8);
  return { count, offset: record.u64() };
}
