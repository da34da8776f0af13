import { TensorError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { ByteReader, type PickleValue, readPickle } from "./pytorchPickle.js";
import { TensorHost, TensorMaker, tensorsInside } from "./pytorchTensors.js";
import { readStoredZip } from "./pytorchZip.js";
import { storages } from "./storage.js";

/** What a PyTorch file holds. */
export interface PytorchContent {
  /** Every tensor in it, on the host, by its dotted path: `layers.0.weight`, or `model.layers.0.weight` of a checkpoint of several parts. */
  tensors: Map<string, Tensor>;
  /** The object that was saved: dicts are Maps, lists and tuples arrays, whole numbers beyond 2^53 bigints, classes their names. */
  value: PickleValue;
}

/** Options of `decodePytorch`. */
export interface DecodePytorchOptions {
  /** Only the tensors under this path, and without it in their names: `prefix: "model"` (all). Throws when there are none. */
  prefix?: string;
}

const magic = 0x1950a86a20f9469cfc6cn;

function refuse(message: string): never {
  throw new TensorError("pytorch", message);
}

/**
 * Reads what `torch.save` wrote, in the zip format (PyTorch 1.6 and newer) and in the one before it. Nothing in the file is executed: it
 * may hold tensors and plain values, and is refused, by the name of what it wanted to call, when it holds anything else. A file that is
 * cut off or damaged is refused too, and so is one that describes far more elements than it holds.
 */
export function decodePytorch(file: Uint8Array, { prefix }: DecodePytorchOptions = {}): PytorchContent {
  // Node's Buffer is a Uint8Array whose slice() copies nothing.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const value = zip ? readZipped(bytes) : readLegacy(bytes);
  const all = tensorsInside(value);
  if (prefix === undefined) return { tensors: all, value };
  const start = `${prefix}.`;
  const tensors = new Map(
    [...all].filter(([name]) => name.startsWith(start)).map(([name, tensor]) => [name.slice(start.length), tensor]),
  );
  if (tensors.size === 0)
    refuse(`no tensor's name begins with ${start}; the names begin with ${firstParts(all.keys())}.`);
  return { tensors, value };
}

/** Views may repeat elements; all tensors together get this much. */
const budgetOf = (bytes: Uint8Array) => 4 * bytes.length + 2 ** 24;

function readZipped(bytes: Uint8Array): PickleValue {
  const files = readStoredZip(bytes);
  const main = [...files.keys()].find((name) => name.endsWith("/data.pkl") || name === "data.pkl");
  if (main === undefined)
    refuse(
      `the archive has no data.pkl; it has ${[...files.keys()].slice(0, 5).join(", ")}. Was it written by torch.save?`,
    );
  const folder = main.slice(0, -"data.pkl".length);
  const order = files.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order).trim() !== "little")
    refuse("the file was written on a big-endian machine, which is not read.");
  const value = readPickle(new ByteReader(files.get(main)!), new TensorHost());
  const bytesOf = (key: string) => files.get(`${folder}data/${key}`) ?? refuse(`the archive has no storage ${key}.`);
  return new TensorMaker(bytesOf, budgetOf(bytes)).finish(value);
}

function readLegacy(bytes: Uint8Array): PickleValue {
  const reader = new ByteReader(bytes);
  const host = new TensorHost();
  const first = bytes[0] === 0x80 ? readPickle(reader, host) : undefined;
  if (first !== magic) refuse("the file is no PyTorch file (or one of before 2017). Was it written by torch.save?");
  const protocol = readPickle(reader, host);
  if (protocol !== 1001) refuse(`the file is of protocol ${String(protocol)}, known is 1001.`);
  const system = readPickle(reader, host);
  if (system instanceof Map && system.get("little_endian") === false)
    refuse("the file was written on a big-endian machine, which is not read.");
  const value = readPickle(reader, host);
  const keys = readPickle(reader, host);
  if (!Array.isArray(keys)) refuse("the list of storages is missing. Is the file damaged?");
  const data = new Map<string, Uint8Array>();
  for (const key of keys.map(String)) {
    const storage = host.storages.get(key) ?? refuse(`storage ${key} is listed and not used. Is the file damaged?`);
    const count = reader.u64();
    if (count !== storage.count)
      refuse(`storage ${key} has ${count} elements where ${storage.count} are announced. Is the file damaged?`);
    data.set(key, reader.take(count * (storage.type === "BYTES" ? 1 : storages[storage.type].bytes)));
  }
  const bytesOf = (key: string) => data.get(key) ?? refuse(`the file has no storage ${key}.`);
  return new TensorMaker(bytesOf, budgetOf(bytes)).finish(value);
}

function firstParts(names: Iterable<string>): string {
  const parts = new Set([...names].map((name) => name.split(".")[0]!));
  return [...parts].slice(0, 8).join(", ") || "nothing: there are no tensors";
}
