import { type DType, type HostArray, isFloat, promote } from "../dtype.js";
import { TensorError } from "../errors.js";
import { floatToHalf, halfToFloat } from "../half.js";
import { make, type Op, specOf, type Value } from "../node.js";
import { broadcastShapes, formatShape, type Shape, sameShape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** What ops accept as a tensor: a tensor, a cell (its newest value is read), or a number. */
export type TensorLike = Value | { readonly value: Value } | number | boolean;

const noInputs: readonly Value[] = [];

/** A tensor of one number everywhere ([] unless `shape` says otherwise); f32 unless `dtype` does. Its value is in no plan key. */
export function constant(value: number | boolean, dtype: DType = "f32", shape: Shape = []): Tensor {
  const held = dtype === "f16" ? halfToFloat(floatToHalf(Number(value))) : Number(value);
  return make("constant", noInputs, { value: held }, shape, dtype);
}

/** The tensor of a tensor-like; numbers become f32 constants. */
export function toTensor(op: string, x: TensorLike): Tensor {
  if (typeof x === "number" || typeof x === "boolean") return constant(x);
  if (x !== null && typeof x === "object") {
    if ("node" in x) return x as Tensor;
    if ("value" in x && x.value && typeof x.value === "object" && "node" in x.value) return x.value as Tensor;
  }
  throw new TensorError(
    op,
    `expected a tensor, a parameter or a number, got ${describe(x)}. Wrap data in tensor(...)?`,
  );
}

function describe(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  if (Array.isArray(x)) return "an array";
  return typeof x === "object" ? `a ${x.constructor?.name ?? "object"}` : `a ${typeof x} (${String(x)})`;
}

/**
 * The same values as `dtype`. Floats -> i32 truncates; to bool: not zero; to u8: the low 8 bits; to f16: the nearest, ties to even.
 * Gradients pass between floats only.
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  const t = toTensor("cast", x);
  const { shape, dtype: from } = specOf(t);
  if (from === dtype) return t;
  if (t.node.op === "constant") {
    const { value } = t.node.params as { value: number };
    if (isFloat(dtype) || (dtype === "i32" && Number.isInteger(value))) return constant(value, dtype, shape);
  }
  return make("cast", [t], null, shape, dtype);
}

/** The same values with size-1 axes (and new leading axes) repeated to `shape`; no memory is moved. */
export function expand(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor("expand", x);
  const from = specOf(t).shape;
  if (sameShape(from, shape)) return t;
  const target = shape.map((d, i) => (d === -1 ? (from[i - shape.length + from.length] ?? d) : d));
  const fits =
    target.length >= from.length && from.every((d, i) => d === 1 || d === target[target.length - from.length + i]);
  if (!fits) {
    throw new TensorError(
      "expand",
      `${formatShape(from)} does not expand to ${formatShape(shape)}: only axes of size 1 and new leading axes do.`,
    );
  }
  const { dtype } = specOf(t);
  if (t.node.op === "constant") return constant((t.node.params as { value: number }).value, dtype, target);
  const missing = target.length - from.length;
  const ranked = missing === 0 ? t : reshape(t, [...new Array<number>(missing).fill(1), ...from]);
  return make("expand", [ranked], null, target, dtype);
}

/** The same elements in row-major order with other sizes; one size may be -1 (what is left). */
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor("reshape", x);
  const { shape: from, dtype } = specOf(t);
  const target = inferSize(from, shape);
  if (sameShape(from, target)) return t;
  const result = make("reshape", [t], null, target, dtype);
  const host = shareableHost(t);
  if (host && t.node.op === "leaf") result.node.holdHost(0, host);
  return result;
}

function inferSize(from: Shape, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  const total = sizeOf(from);
  if (unknown < 0) {
    if (sizeOf(shape) === total) return shape;
    throw new TensorError(
      "reshape",
      `${formatShape(from)} has ${total} elements, ${formatShape(shape)} has ${sizeOf(shape)}. Let one size be -1?`,
    );
  }
  const rest = shape.reduce((n, d, i) => (i === unknown ? n : n * d), 1);
  if (shape.lastIndexOf(-1) !== unknown)
    throw new TensorError("reshape", `${formatShape(shape)}: only one size may be -1.`);
  if (rest === 0 || total % rest !== 0) {
    throw new TensorError(
      "reshape",
      `${formatShape(from)} has ${total} elements, ${formatShape(shape)} needs a multiple of ${rest}.`,
    );
  }
  return shape.map((d, i) => (i === unknown ? total / rest : d));
}

/** A node of two operands that are made to match; no list is made of them, because most nodes of a step come from here. */
export function combine(op: Op, a: TensorLike, b: TensorLike, as?: DType): Tensor {
  if (typeof b === "number" && typeof a !== "number") return combineNumber(op, toTensor(op, a), b, as, false);
  if (typeof a === "number" && typeof b !== "number") return combineNumber(op, toTensor(op, b), a, as, true);
  let x = toTensor(op, a);
  let y = toTensor(op, b);
  const common = commonDType(a, x, b, y);
  const dtype = computed(common);
  x = cast(cast(x, common), dtype);
  y = cast(cast(y, common), dtype);
  const shape = broadcastShapes(op, specOf(x).shape, specOf(y).shape);
  return make(op, [expand(x, shape), expand(y, shape)], null as never, shape, as ?? dtype);
}

/** A tensor with a number, which is one node of the tensor's shape. */
function combineNumber(op: Op, given: Tensor, number: number, as: DType | undefined, first: boolean): Tensor {
  const from = specOf(given).dtype;
  const common = isWeak(number, from) ? promote("i32", from) : promote(from, "f32");
  const dtype = computed(common);
  const x = cast(cast(given, common), dtype);
  const { shape } = specOf(x);
  // What is rounded afterwards takes the number as it is; a maximum is one of two halves.
  const y = constant(number, dtype === "f16" && op !== "max" ? "f32" : dtype, shape);
  return make(op, first ? [y, x] : [x, y], null as never, shape, as ?? dtype);
}

/** Bool and u8 are computed with as i32, so that arithmetic never wraps at 255. */
const computed = (dtype: DType): DType => (dtype === "bool" || dtype === "u8" ? "i32" : dtype);

/** Two operands of one dtype and shape: numbers take the other's dtype where they fit, axes broadcast as NumPy's. */
export function matched(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  let x = toTensor(op, a);
  let y = toTensor(op, b);
  const dtype = commonDType(a, x, b, y);
  x = cast(x, dtype);
  y = cast(y, dtype);
  const shape = broadcastShapes(op, specOf(x).shape, specOf(y).shape);
  return [expand(x, shape), expand(y, shape)];
}

function commonDType(a: TensorLike, x: Value, b: TensorLike, y: Value): DType {
  const left = specOf(x).dtype;
  const right = specOf(y).dtype;
  if (left === "f32" && right === "f32" && typeof a !== "boolean" && typeof b !== "boolean") return "f32";
  if (isWeak(a, right)) return promote("i32", right);
  if (isWeak(b, left)) return promote("i32", left);
  return promote(left, right);
}

/** True for a number of the user's that takes the dtype of the other operand. */
function isWeak(raw: TensorLike, other: DType): boolean {
  if (typeof raw === "boolean") return true;
  if (typeof raw !== "number" || other === "f32") return false;
  return other === "f16" || (Number.isInteger(raw) && Math.abs(raw) < 2 ** 31);
}

/** `x` as numbers: bool and u8 become i32, so that arithmetic never wraps at 255. */
export function numeric(x: Tensor): Tensor {
  const { dtype } = specOf(x);
  return dtype === "bool" || dtype === "u8" ? cast(x, "i32") : x;
}

/** `x` as f32 where it is f16: for what keeps whole numbers, and needs more digits than a half has. */
export function wide(x: Tensor): Tensor {
  return specOf(x).dtype === "f16" ? cast(x, "f32") : x;
}

/** `x` as f32, unless it is f16: for what is as good in half precision, and for contractions, which sum up in f32. */
export function float(op: string, x: TensorLike): Tensor {
  const t = toTensor(op, x);
  return specOf(t).dtype === "f16" ? t : cast(t, "f32");
}

/** `x` as f32, for functions of real numbers. */
export function real(op: string, x: TensorLike): Tensor {
  return cast(toTensor(op, x), "f32");
}

/** The same values without their history: gradients do not pass. */
export function detach(x: TensorLike): Tensor {
  const t = toTensor("detach", x);
  const { shape, dtype } = specOf(t);
  const result = make("detach", [t], null, shape, dtype);
  const host = shareableHost(t);
  if (host) result.node.holdHost(0, host);
  return result;
}

/** The host copy of t, unless it is a cell's: that one moves to the device with the first step, which then is planned like all others. */
function shareableHost(t: Tensor): HostArray | undefined {
  return t.node.cell ? undefined : t.node.host[t.index];
}
