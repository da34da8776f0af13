import { type DType, type HostArray, hostArray } from "../dtype.js";
import { TensorError } from "../errors.js";
import { leaf, make } from "../node.js";
import { drawStream } from "../random.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, constant, expand } from "./convert.js";
import { add, cos, log, mul, neg, sqrt } from "./elementwise.js";

/** Nested lists of numbers or booleans. */
export type Nested = number | boolean | readonly Nested[];

/** What `tensor()` makes tensors of. */
export type TensorData =
  | Nested
  | HostArray
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray;

/** Options of `tensor()`. */
export interface TensorOptions {
  /** By default: f32 for numbers, bool for booleans, i32 for integer arrays, u8 for Uint8Array. */
  dtype?: DType;
  /** By default: the nesting of lists, [length] of typed arrays. */
  shape?: Shape;
}

/** A tensor of host data (copied): nested lists, which must be rectangular, or a typed array. */
export function tensor(data: TensorData, { dtype, shape }: TensorOptions = {}): Tensor {
  const typed = ArrayBuffer.isView(data);
  const found = typed ? [data.length] : nesting(data as Nested);
  const flat = typed ? (data as ArrayLike<number>) : flattenInto([], data as Nested);
  const as = dtype ?? guessDType(data, flat);
  const sizes = shape ?? found;
  checkShape("tensor", sizes);
  if (sizeOf(sizes) !== flat.length)
    throw new TensorError(
      "tensor",
      `${flat.length} elements do not fill shape ${formatShape(sizes)}, which has ${sizeOf(sizes)}.`,
    );
  const out = hostArray(as === "f16" ? "f32" : as, flat.length); // halves are rounded from numbers
  for (let i = 0; i < flat.length; i++) {
    const value = Number(flat[i]);
    out[i] = as === "bool" ? (value ? 1 : 0) : value;
    if (as === "i32" && out[i] !== value)
      throw new TensorError(
        "tensor",
        `element ${i} is ${value}, which i32 does not hold. Use dtype "f32", or round first?`,
      );
  }
  return leaf(out, sizes, as);
}

function guessDType(data: TensorData, flat: ArrayLike<unknown>): DType {
  if (!ArrayBuffer.isView(data)) return flat.length > 0 && typeof flat[0] === "boolean" ? "bool" : "f32";
  if (data instanceof Float32Array || data instanceof Float64Array) return "f32";
  return data instanceof Uint8Array || data instanceof Uint8ClampedArray ? "u8" : "i32";
}

function nesting(data: Nested): number[] {
  const shape: number[] = [];
  for (let at: Nested = data; Array.isArray(at); at = at[0]) {
    shape.push(at.length);
    if (at.length === 0) break;
  }
  return shape;
}

function flattenInto(out: (number | boolean)[], data: Nested, shape = nesting(data), depth = 0): (number | boolean)[] {
  if (!Array.isArray(data)) {
    if (depth !== shape.length)
      throw new TensorError(
        "tensor",
        `lists of unequal depth: a number stands where a list of ${shape[depth]} is expected. Wrap it in one?`,
      );
    if (typeof data !== "number" && typeof data !== "boolean")
      throw new TensorError(
        "tensor",
        `expected numbers, got ${typeof data} (${String(data)}). Convert it with Number(...)?`,
      );
    out.push(data);
    return out;
  }
  if (data.length !== shape[depth]) {
    throw new TensorError(
      "tensor",
      `ragged lists: one of ${data.length} elements where ${shape[depth] ?? "a number"} ${depth < shape.length ? "are" : "is"} expected. Pad them?`,
    );
  }
  for (const item of data) flattenInto(out, item, shape, depth + 1);
  return out;
}

/** A tensor of `shape` filled with one value; it takes no memory until something computes with it. */
export function full(shape: Shape, value: number, { dtype = "f32" }: { dtype?: DType } = {}): Tensor {
  checkShape("full", shape);
  return expand(
    dtype === "bool" || dtype === "u8" ? cast(constant(value, "i32"), dtype) : constant(value, dtype),
    shape,
  );
}

/** Zeros of `shape`. */
export const zeros = (shape: Shape, options?: { dtype?: DType }): Tensor => full(shape, 0, options);

/** Ones of `shape`. */
export const ones = (shape: Shape, options?: { dtype?: DType }): Tensor => full(shape, 1, options);

/** 0, 1, ... length-1 as i32. */
export function iota(length: number): Tensor {
  return make("iota", [], { length }, [length], "i32");
}

/** start, start + step, ... below stop: `arange(4)`, `arange(2, 10, 2)`; i32 when all are whole numbers, else f32. */
export function arange(start: number, stop?: number, step = 1): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || !Number.isFinite(from + to + step))
    throw new TensorError("arange", `from ${from} to ${to} by ${step} has no end. Give a finite step that is not 0.`);
  const count = iota(Math.max(0, Math.ceil((to - from) / step)));
  const whole = Number.isInteger(from) && Number.isInteger(step);
  return add(mul(whole ? count : cast(count, "f32"), step), from);
}

/** `count` evenly spaced numbers from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count: number): Tensor {
  return add(mul(cast(iota(count), "f32"), count > 1 ? (stop - start) / (count - 1) : 0), start);
}

/** The identity matrix [n, n]. */
export function eye(n: number): Tensor {
  const host = new Float32Array(n * n);
  for (let i = 0; i < n; i++) host[i * n + i] = 1;
  return leaf(host, [n, n], "f32");
}

/** Uniform random numbers in [0, 1) (Philox4x32-10, the same bits on every device; see `manualSeed`). */
export function rand(shape: Shape): Tensor {
  return make("random", [], { kind: "uniform", ...drawStream() }, shape, "f32");
}

/** Random 32-bit integers (all i32 values). */
export function randomBits(shape: Shape): Tensor {
  return make("random", [], { kind: "bits", ...drawStream() }, shape, "i32");
}

/** Standard normal random numbers, by the Box-Muller transform. */
export function randn(shape: Shape): Tensor {
  const radius = sqrt(mul(log(add(neg(rand(shape)), 1)), -2));
  return mul(radius, cos(mul(rand(shape), 2 * Math.PI)));
}

/** Random whole numbers (i32) from `low` up to but not including `high`. */
export function randint(low: number, high: number, shape: Shape): Tensor {
  if (!(high > low)) throw new TensorError("randint", `there is no whole number from ${low} below ${high}.`);
  return add(cast(mul(rand(shape), high - low), "i32"), low);
}
