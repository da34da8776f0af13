import { type HostArray, hostArray } from "../dtype.js";
import { TensorError } from "../errors.js";
import { leaf } from "../node.js";
import { Tensor } from "../tensor.js";
import { PickleGlobal, type PickleHost, type PickleValue } from "./pytorchPickle.js";
import { type StorageType, storages } from "./storage.js";

/** A storage that a pickle names: `count` elements of one type, whose bytes stand elsewhere in the file. */
interface StorageReference {
  readonly key: string;
  readonly type: StorageType | "BYTES";
  /** Number of elements; of bytes for untyped storages. */
  readonly count: number;
  /** First element, in storages that are views of others (old files). */
  readonly offset: number;
}

class Storage {
  readonly reference: StorageReference;
  constructor(reference: StorageReference) {
    this.reference = reference;
  }
}

/** A tensor as a pickle describes it, before its bytes are known. */
class PendingTensor {
  readonly storage: StorageReference;
  readonly type: StorageType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: StorageReference,
    type: StorageType,
    place: { offset: number; shape: readonly number[]; strides: readonly number[] },
  ) {
    this.storage = storage;
    this.type = type;
    this.offset = place.offset;
    this.shape = place.shape;
    this.strides = place.strides;
  }
}

const storageTypes: Readonly<Record<string, StorageType | "BYTES">> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  UntypedStorage: "BYTES",
};

const dtypes: Readonly<Record<string, StorageType>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

function refuse(message: string): never {
  throw new TensorError("pytorch", message);
}

const whole = (value: PickleValue | undefined): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(`${String(value)} stands where a count is expected. Is the file damaged?`);

const wholes = (value: PickleValue | undefined): number[] =>
  Array.isArray(value) ? value.map(whole) : refuse("a shape is no tuple. Is the file damaged?");

/**
 * The only functions that a weights file may call, and what they give. Everything else (`os.system`, a class of the training program) is
 * refused by name.
 */
export class TensorHost implements PickleHost {
  /** The storages named so far, by their keys. */
  readonly storages = new Map<string, StorageReference>();

  call(name: string, args: readonly PickleValue[]): PickleValue {
    switch (name) {
      case "collections.OrderedDict":
        if (args.length === 0) return new Map();
        break;
      case "collections.defaultdict":
        return new Map();
      case "torch.Size":
        if (args.length === 1 && Array.isArray(args[0])) return args[0];
        break;
      case "torch.device":
        return args.map(String).join(":");
      case "builtins.set":
      case "__builtin__.set":
        return new Set(Array.isArray(args[0]) ? args[0] : []);
      case "torch._utils._rebuild_tensor":
      case "torch._utils._rebuild_tensor_v2":
      case "torch._utils._rebuild_tensor_v3":
        return this.tensor(args, name.endsWith("v3") ? args[6] : undefined);
      case "torch._utils._rebuild_parameter":
      case "torch._utils._rebuild_parameter_with_state":
        if (args[0] instanceof PendingTensor) return args[0];
        break;
    }
    refuse(
      `the file wants ${name} to be called, which a file of weights does not need; nothing was run. Save model.state_dict() instead of the model?`,
    );
  }

  persistent(id: PickleValue): PickleValue {
    if (!Array.isArray(id) || id[0] !== "storage") refuse("the file refers to something that is no storage.");
    const [, kind, key, , count, view] = id as PickleValue[];
    const name = kind instanceof PickleGlobal ? kind.name.replace(/^torch\.(storage\.|cuda\.)?/, "") : "";
    const type = Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined;
    if (!type) refuse(`the file has a storage of type ${name || String(kind)}, which is not read.`);
    const root: StorageReference = { key: String(key), type, count: whole(count), offset: 0 };
    const known = this.storages.get(root.key);
    if (known && (known.type !== type || known.count !== root.count))
      refuse(`storage ${root.key} is described in two ways. Is the file damaged?`);
    this.storages.set(root.key, root);
    if (!Array.isArray(view)) return new Storage(root);
    const [offset, size] = [whole(view[1]), whole(view[2])];
    if (offset + size > root.count) refuse(`a view of storage ${root.key} reaches beyond it. Is the file damaged?`);
    return new Storage({ ...root, count: size, offset });
  }

  private tensor(
    [storage, offset, shape, strides]: readonly PickleValue[],
    dtype: PickleValue | undefined,
  ): PendingTensor {
    if (!(storage instanceof Storage)) refuse("a tensor has no storage. Is the file damaged?");
    const { reference } = storage;
    const named = dtype instanceof PickleGlobal ? dtypes[dtype.name.replace("torch.", "")] : undefined;
    const type = reference.type === "BYTES" ? named : reference.type;
    if (!type)
      refuse(`a tensor has the dtype ${dtype instanceof PickleGlobal ? dtype.name : "unknown"}, which is not read.`);
    const place = { offset: whole(offset), shape: wholes(shape), strides: wholes(strides) };
    if (place.strides.length !== place.shape.length)
      refuse("a tensor has another number of strides than of axes. Is the file damaged?");
    const last = place.offset + place.shape.reduce((sum, d, i) => sum + (d - 1) * place.strides[i]!, 0);
    const count = reference.type === "BYTES" ? Math.floor(reference.count / storages[type].bytes) : reference.count;
    if (!place.shape.includes(0) && last >= count) {
      refuse(
        `a tensor [${place.shape.join(", ")}] reaches to element ${last} of a storage of ${count}. Is the file damaged?`,
      );
    }
    return new PendingTensor(reference, type, place);
  }
}

/** Makes the tensors of a file, given the bytes of its storages; all together they may take `budgetBytes` (views can repeat elements). */
export class TensorMaker {
  private readonly bytesOf: (key: string) => Uint8Array;
  private readonly made = new Map<PendingTensor, Tensor>();
  private budgetBytes: number;

  constructor(bytesOf: (key: string) => Uint8Array, budgetBytes: number) {
    this.bytesOf = bytesOf;
    this.budgetBytes = budgetBytes;
  }

  /** `value` with its tensors made. Containers are changed in place, so that what was shared stays shared; loops are no problem. */
  finish(value: PickleValue): PickleValue {
    const root = [value];
    const open: (PickleValue[] | Map<PickleValue, PickleValue>)[] = [root];
    const seen = new Set<object>(open);
    const finished = (item: PickleValue): PickleValue => {
      if (item instanceof PendingTensor) return this.make(item);
      if ((Array.isArray(item) || item instanceof Map) && !seen.has(item)) {
        seen.add(item);
        open.push(item as PickleValue[] | Map<PickleValue, PickleValue>);
      }
      if (item instanceof Storage) refuse("the file holds a storage without a tensor, which is not read.");
      return item instanceof PickleGlobal ? item.name : item;
    };
    for (let next = open.pop(); next; next = open.pop()) {
      if (next instanceof Map) for (const [key, item] of next) next.set(key, finished(item));
      else for (let i = 0; i < next.length; i++) next[i] = finished(next[i]!);
    }
    return root[0]!;
  }

  private make(pending: PendingTensor): Tensor {
    const existing = this.made.get(pending);
    if (existing) return existing;
    const { shape, strides, type, storage } = pending;
    const { bytes: width, dtype } = storages[type];
    const size = shape.reduce((n, d) => n * d, 1);
    this.budgetBytes -= size * width;
    if (this.budgetBytes < 0)
      refuse("the file describes far more tensor elements than it holds. It was made to fill the memory.");
    const first = storage.offset + pending.offset;
    const last = size === 0 ? first : first + shape.reduce((sum, d, i) => sum + (d - 1) * strides[i]!, 1);
    const all = this.bytesOf(storage.key);
    if (last * width > all.length)
      refuse(`storage ${storage.key} has ${all.length} bytes, ${last * width} are needed. Is the download complete?`);
    // Copied, so that the readers find the alignment that they need.
    const elements = storages[type].read(all.slice(first * width, last * width), `storage ${storage.key}`);
    const tensor = leaf(inOrder(elements, shape, strides, hostArray(dtype, size)), shape, dtype);
    this.made.set(pending, tensor);
    return tensor;
  }
}

function inOrder(elements: HostArray, shape: readonly number[], strides: readonly number[], out: HostArray): HostArray {
  let contiguous = 1;
  const plain = shape.every((_, i) => {
    const axis = shape.length - 1 - i;
    const fits = shape[axis] === 1 || strides[axis] === contiguous;
    contiguous *= shape[axis]!;
    return fits;
  });
  if (plain) return elements;
  const at = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = elements[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}

/** The tensors inside of a value, by their dotted path: `model.layers.0.weight`. A tensor that stands alone is called "". */
export function tensorsInside(value: PickleValue): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const trail = new Set<object>();
  const open: { name: string; value: PickleValue; leaving?: boolean }[] = [{ name: "", value }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { name, value: item, leaving } = next;
    if (item instanceof Tensor) found.set(name, item);
    if (!Array.isArray(item) && !(item instanceof Map)) continue;
    if (leaving) trail.delete(item);
    if (leaving || trail.has(item)) continue;
    trail.add(item);
    open.push({ name, value: item, leaving: true });
    const entries = [...(item as PickleValue[] | Map<PickleValue, PickleValue>).entries()].reverse();
    for (const [key, inner] of entries)
      open.push({ name: name === "" ? String(key) : `${name}.${String(key)}`, value: inner });
  }
  return found;
}
