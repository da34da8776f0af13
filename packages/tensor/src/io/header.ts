import { TensorError } from "../errors.js";
import { type StorageType, storages } from "./storage.js";

/** What the header of a safetensors file says of one tensor. */
export interface HeaderEntry {
  readonly name: string;
  readonly type: StorageType;
  readonly shape: readonly number[];
  /** First byte of the data, counted from the end of the header. */
  readonly begin: number;
  /** First byte after the data. */
  readonly end: number;
}

/** The checked header of a safetensors file. */
export interface Header {
  /** In the order of their data. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where in the file the data begins. */
  readonly dataStart: number;
}

/** Headers above this many bytes are refused, as by the reference implementation. */
export const maxHeaderBytes = 100_000_000;

function refuse(message: string, cause?: unknown): never {
  throw new TensorError("safetensors", message, cause === undefined ? undefined : { cause });
}

/**
 * Reads and checks the header of a file: its length against the file, its JSON, and that the tensors fill the rest of the file
 * without overlap or hole. Nothing is allocated that the file does not hold. Throws a TensorError that says what is wrong.
 */
export function readHeader(file: Uint8Array): Header {
  if (file.length < 8)
    refuse(`the file has ${file.length} bytes, a safetensors file has at least 8. Is the download complete?`);
  const view = new DataView(file.buffer, file.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > maxHeaderBytes)
    refuse(
      `its first 8 bytes announce a header of ${length} bytes, more than ${maxHeaderBytes}: this is no safetensors file, or a damaged one.`,
    );
  if (length > file.length - 8)
    refuse(
      `its first 8 bytes announce a header of ${length} bytes, the file holds ${file.length - 8} more. Is the download complete?`,
    );
  const fields = parse(file.subarray(8, 8 + length));
  let metadata: Record<string, string> = Object.create(null);
  const entries: HeaderEntry[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name === "__metadata__") metadata = readMetadata(value);
    else entries.push(readEntry(name, value));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, file.length - 8 - length);
  return { entries, metadata, dataStart: 8 + length };
}

function parse(bytes: Uint8Array): object {
  let fields: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith("{")) refuse(`the header starts with ${JSON.stringify(text.slice(0, 1))}, expected "{".`);
    fields = JSON.parse(text);
    refuseDuplicates(text);
  } catch (cause) {
    if (cause instanceof TensorError) throw cause;
    refuse(`the header is no JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : "unreadable"}.`, cause);
  }
  return fields as object; // it starts with "{" and is JSON
}

/** JSON.parse keeps the last of equal keys; a file that says two things of one tensor is refused. The text is valid JSON. */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;
  for (const [match, colon] of text.matchAll(token)) {
    if (match === "{") open.push(new Set());
    else if (match === "[") open.push(undefined);
    else if (match === "}" || match === "]") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(match.slice(0, -colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) refuse(`the header has the key ${show(key)} twice.`);
      keys?.add(key);
    }
  }
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) refuse("__metadata__ is no record of strings.");
  const out: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") refuse(`__metadata__ has ${show(key)}: ${typeof text}, expected a string.`);
    out[key] = text;
  }
  return out;
}

function readEntry(name: string, value: unknown): HeaderEntry {
  const at = show(name);
  if (!isRecord(value)) refuse(`${at} is no record of dtype, shape and data_offsets.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(storages, dtype)) {
    refuse(`${at} has dtype ${show(dtype)}; these are read: ${Object.keys(storages).join(", ")}.`);
  }
  const type = dtype as StorageType;
  if (!isSizes(shape)) refuse(`${at} has shape ${show(shape)}, expected a list of whole numbers of at least 0.`);
  if (!isSizes(offsets) || offsets.length !== 2)
    refuse(`${at} has data_offsets ${show(offsets)}, expected [begin, end].`);
  const [begin, end] = offsets as [number, number];
  let bytes = storages[type].bytes;
  for (const size of shape) bytes *= size;
  if (!(bytes < 2 ** 53) || bytes !== end - begin) {
    refuse(
      `${at} of ${type} ${show(shape)} takes ${bytes} bytes, its data_offsets ${show(offsets)} hold ${end - begin}.`,
    );
  }
  return { name, type, shape, begin, end };
}

function checkCover(entries: readonly HeaderEntry[], available: number): void {
  let at = 0;
  let before = "the header";
  for (const { name, begin, end } of entries) {
    if (begin < at) refuse(`the data of ${show(name)} overlaps that of ${before}.`);
    if (begin > at) refuse(`there is a hole of ${begin - at} bytes between ${before} and the data of ${show(name)}.`);
    at = end;
    before = show(name);
    if (at > available)
      refuse(
        `the data of ${before} ends at byte ${at}, the file holds ${available} bytes of data. Is the download complete?`,
      );
  }
  if (at < available) refuse(`${available - at} bytes follow the data of ${before}.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);
}

/** A value of the file for a message, cut when long. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
