import { TensorError } from "../errors.js";

/** What a pickle may hold once it is read. Lists and tuples are arrays, dicts are Maps (so no key can touch a prototype). */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | ReadonlyMap<PickleValue, PickleValue>
  | ReadonlySet<PickleValue>
  | object;

/** A class or function that a pickle names: only its name. What it would do is decided by the reader, never by the file. */
export class PickleGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What the reader does where Python would call something. Both throw for everything that they do not know. */
export interface PickleHost {
  /** The result of calling the function or class `name`. */
  call(name: string, args: readonly PickleValue[]): PickleValue;
  /** The object of a persistent id: PyTorch's storages. */
  persistent(id: PickleValue): PickleValue;
}

const mark = Symbol("mark");
type StackItem = PickleValue | typeof mark;

const text = new TextDecoder("utf-8", { fatal: true });
const latin = new TextDecoder("latin1");

function refuse(message: string): never {
  throw new TensorError("pytorch", message);
}

/** Reads the bytes of a file from `position` on; everything is checked against the file's end before it is used. */
export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }
  /** An unsigned byte. */
  u8(): number {
    return this.view.getUint8(this.advance(1));
  }
  /** An unsigned little-endian 16-bit number. */
  u16(): number {
    return this.view.getUint16(this.advance(2), true);
  }
  /** A little-endian 32-bit number. */
  i32(): number {
    return this.view.getInt32(this.advance(4), true);
  }
  /** An unsigned little-endian 32-bit number. */
  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }
  /** An unsigned little-endian 64-bit number; throws above 2^53. */
  u64(): number {
    const value = this.view.getBigUint64(this.advance(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      refuse(`a length of ${value} bytes cannot be true. Is the file damaged?`);
    return Number(value);
  }
  /** A big-endian double, as pickles write floats. */
  f64(): number {
    return this.view.getFloat64(this.advance(8), false);
  }
  /** Bytes up to the next line break, which is skipped, as Latin-1 text. */
  line(): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0) refuse("the file ends in the middle of a line. Is the download complete?");
    const start = this.advance(end + 1 - this.position);
    return latin.decode(this.bytes.subarray(start, end));
  }

  private advance(length: number): number {
    const start = this.position;
    if (start + length > this.bytes.length) {
      refuse(
        `the file ends at byte ${this.bytes.length}, but ${length} more bytes are expected at ${start}. Is the download complete?`,
      );
    }
    this.position = start + length;
    return start;
  }
}

/**
 * Reads one pickle (protocols 0 to 5, docs.python.org/3/library/pickletools.html) and stops behind it. Nothing is executed: a pickle is
 * a program for a small stack machine, whose only doors to the outside are GLOBAL and REDUCE; here, a GLOBAL is a name, and what it
 * gives when called is up to `host`. Opcodes that make instances of arbitrary classes are refused.
 */
export function readPickle(reader: ByteReader, host: PickleHost): PickleValue {
  const stack: StackItem[] = [];
  const memo = new Map<number, PickleValue>();

  const push = (value: PickleValue): void => void stack.push(value);
  const pop = (): PickleValue => {
    const value = stack.pop();
    if (value === undefined || value === mark) refuse("the pickle takes more than it has. Is the file damaged?");
    return value;
  };
  const top = (): PickleValue => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const popMarked = (): PickleValue[] => {
    const at = stack.lastIndexOf(mark);
    if (at < 0) refuse("the pickle has no mark where one is needed. Is the file damaged?");
    return stack.splice(at).slice(1) as PickleValue[];
  };
  const recall = (key: number): void => {
    const value = memo.get(key);
    if (value === undefined) refuse(`the pickle recalls entry ${key}, which it has not stored. Is the file damaged?`);
    push(value);
  };
  const utf8 = (length: number): string => {
    try {
      return text.decode(reader.take(length));
    } catch (cause) {
      throw cause instanceof TensorError
        ? cause
        : new TensorError("pytorch", "a text is not UTF-8. Is the file damaged?", { cause });
    }
  };
  const list = (value: PickleValue): PickleValue[] =>
    Array.isArray(value) ? value : refuse("the pickle appends to what is no list.");
  const setItems = (target: PickleValue, items: readonly PickleValue[]): void => {
    if (!(target instanceof Map) || items.length % 2 === 1) refuse("the pickle sets entries of what is no dict.");
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!);
  };
  const tuple = (count: number): void => {
    const items = Array.from({ length: count }, pop).reverse();
    push(items);
  };
  const callGlobal = (callee: PickleValue, args: PickleValue): void => {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) refuse("the pickle calls what is no function.");
    push(host.call(callee.name, args as PickleValue[]));
  };

  const opcodes: Record<string, () => void> = {
    "(": () => void stack.push(mark),
    "0": () => void stack.pop(),
    "1": () => void popMarked(),
    "2": () => push(top()),
    N: () => push(null),
    "\x88": () => push(true),
    "\x89": () => push(false),
    I: () => push(decimal(reader.line())),
    L: () => push(decimal(reader.line().replace(/L$/, ""))),
    J: () => push(reader.i32()),
    K: () => push(reader.u8()),
    M: () => push(reader.u16()),
    "\x8a": () => push(longOf(reader.take(reader.u8()))),
    "\x8b": () => push(longOf(reader.take(reader.u32()))),
    F: () => push(Number(reader.line())),
    G: () => push(reader.f64()),
    V: () => push(reader.line()),
    X: () => push(utf8(reader.u32())),
    "\x8c": () => push(utf8(reader.u8())),
    "\x8d": () => push(utf8(reader.u64())),
    U: () => push(latin.decode(reader.take(reader.u8()))),
    T: () => push(latin.decode(reader.take(reader.u32()))),
    C: () => push(reader.take(reader.u8()).slice()),
    B: () => push(reader.take(reader.u32()).slice()),
    "\x8e": () => push(reader.take(reader.u64()).slice()),
    "]": () => push([]),
    l: () => push(popMarked()),
    a: () => {
      const value = pop();
      list(top()).push(value);
    },
    e: () => {
      const items = popMarked();
      const target = list(top());
      for (const item of items) target.push(item);
    },
    ")": () => push([]),
    t: () => push(popMarked()),
    "\x85": () => tuple(1),
    "\x86": () => tuple(2),
    "\x87": () => tuple(3),
    "}": () => push(new Map()),
    d: () => {
      const items = popMarked();
      const made = new Map<PickleValue, PickleValue>();
      setItems(made, items);
      push(made);
    },
    s: () => {
      const value = pop();
      const key = pop();
      setItems(top(), [key, value]);
    },
    u: () => {
      const items = popMarked();
      setItems(top(), items);
    },
    "\x8f": () => push(new Set()),
    "\x90": () => {
      const items = popMarked();
      const target = top();
      if (!(target instanceof Set)) refuse("the pickle adds to what is no set.");
      for (const item of items) target.add(item);
    },
    "\x91": () => push(new Set(popMarked())),
    c: () => push(new PickleGlobal(`${reader.line()}.${reader.line()}`)),
    "\x93": () => {
      const [name, module] = [pop(), pop()];
      if (typeof name !== "string" || typeof module !== "string")
        refuse("the pickle names a class by what is no text.");
      push(new PickleGlobal(`${module}.${name}`));
    },
    R: () => {
      const args = pop();
      callGlobal(pop(), args);
    },
    "\x81": () => {
      const args = pop();
      callGlobal(pop(), args);
    },
    b: () => {
      // The state of an OrderedDict is its attributes (`_metadata` of a state dict), which hold no weights.
      pop();
      if (!(top() instanceof Map)) refuse("the pickle sets attributes of what is no dict.");
    },
    Q: () => push(host.persistent(pop())),
    g: () => recall(Number(reader.line())),
    h: () => recall(reader.u8()),
    j: () => recall(reader.u32()),
    p: () => void memo.set(Number(reader.line()), top()),
    q: () => void memo.set(reader.u8(), top()),
    r: () => void memo.set(reader.u32(), top()),
    "\x94": () => void memo.set(memo.size, top()),
    "\x95": () => void reader.take(8), // a frame's length: everything is in memory already
  };

  for (;;) {
    const opcode = String.fromCharCode(reader.u8());
    if (opcode === ".") {
      const value = pop();
      if (stack.length > 0) refuse("the pickle leaves more than one object. Is the file damaged?");
      return value;
    }
    if (opcode === "\x80") {
      const protocol = reader.u8();
      if (protocol > 5) refuse(`the pickle is of protocol ${protocol}, known are 0 to 5.`);
      continue;
    }
    // A Map's get would do, but a plain record must not find `constructor` and its like.
    const run = Object.hasOwn(opcodes, opcode) ? opcodes[opcode] : undefined;
    if (!run) {
      const shown = opcode >= " " && opcode <= "~" ? `"${opcode}"` : `0x${opcode.charCodeAt(0).toString(16)}`;
      refuse(
        `the pickle has the opcode ${shown} at byte ${reader.position - 1}, which weights do not need. Is it a PyTorch file?`,
      );
    }
    run();
  }
}

function decimal(line: string): PickleValue {
  if (line === "00") return false;
  if (line === "01") return true;
  if (!/^-?\d{1,400}$/.test(line)) refuse(`${JSON.stringify(line.slice(0, 40))} is no whole number.`);
  const value = Number(line);
  return Number.isSafeInteger(value) ? value : BigInt(line);
}

/** A two's-complement little-endian number of any length. */
function longOf(bytes: Uint8Array): number | bigint {
  if (bytes.length > 1024) refuse(`the pickle has a number of ${bytes.length} bytes.`);
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  const small = Number(signed);
  return Number.isSafeInteger(small) ? small : signed;
}
