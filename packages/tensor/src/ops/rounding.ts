import { isFloat } from "../dtype.js";
import { specOf } from "../node.js";
import type { Tensor } from "../tensor.js";
import { cast, matched, numeric, real, type TensorLike, toTensor } from "./convert.js";
import { abs, add, div, eq, floor, logicalAnd, logicalOr, lt, mul, ne, neg, sign, sub, where } from "./elementwise.js";

/** Bounds of clamp; a missing one does not bound. */
export interface ClampOptions {
  min?: TensorLike;
  max?: TensorLike;
}

/** x held between `min` and `max` (numbers or tensors, broadcast): `clamp(x, {min: 0})`. The gradient is 1 inside and on the bounds; NaN stays. */
export function clamp(x: TensorLike, { min, max }: ClampOptions): Tensor {
  let t = numeric(toTensor("clamp", x));
  if (min !== undefined) t = where(lt(t, min), min, t);
  if (max !== undefined) t = where(lt(max, t), max, t);
  return t;
}

/** a + weight * (b - a): a at weight 0, b at weight 1, broadcast. */
export function lerp(a: TensorLike, b: TensorLike, weight: TensorLike): Tensor {
  const from = real("lerp", a);
  return add(from, mul(sub(b, from), weight));
}

function isWhole(x: Tensor): boolean {
  return !isFloat(specOf(x).dtype);
}

/** The smallest whole number at least x; its derivative is 0. */
export function ceil(x: TensorLike): Tensor {
  const t = toTensor("ceil", x);
  return isWhole(t) ? t : neg(floor(neg(t)));
}

/** The nearest whole number, halves to the even one; its derivative is 0. */
export function round(x: TensorLike): Tensor {
  const t = toTensor("round", x);
  if (isWhole(t)) return t;
  const below = floor(t);
  const rest = sub(t, below);
  const half = mul(below, 0.5);
  const odd = ne(half, floor(half));
  const up = logicalOr(lt(0.5, rest), logicalAnd(eq(rest, 0.5), odd));
  return add(below, cast(up, "f32"));
}

/** x without its fraction, rounded toward 0; its derivative is 0. */
export function trunc(x: TensorLike): Tensor {
  const t = toTensor("trunc", x);
  return isWhole(t) ? t : mul(sign(t), floor(abs(t)));
}

/** floor(a / b), broadcast: i32 for integers (exact; unspecified for b = 0), else f32; its derivative is 0. */
export function floorDiv(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = matched("floorDiv", a, b).map(numeric) as [Tensor, Tensor];
  if (!isWhole(x)) return floor(div(x, y));
  // The quotient of f32s is off by up to 2^8 for large integers: divide the rest once more, then settle the last unit.
  let quotient = cast(floor(div(x, y)), "i32");
  quotient = add(quotient, cast(floor(div(sub(x, mul(quotient, y)), y)), "i32"));
  const rest = sub(x, mul(quotient, y));
  const low = lt(mul(rest, sign(y)), 0);
  const high = lt(sub(abs(y), 1), mul(rest, sign(y)));
  return sub(add(quotient, cast(high, "i32")), cast(low, "i32"));
}

/** The rest of a / b with the sign of b, broadcast: a - floor(a / b) * b, as Python's % and PyTorch's remainder. */
export function remainder(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = matched("remainder", a, b).map(numeric) as [Tensor, Tensor];
  return sub(x, mul(floorDiv(x, y), y));
}

/** Where x is NaN, as bool. */
export function isNaN(x: TensorLike): Tensor {
  const t = toTensor("isNaN", x);
  return ne(t, t);
}

/** Where x is neither NaN nor infinite, as bool. */
export const isFinite = (x: TensorLike): Tensor => lt(abs(real("isFinite", x)), Number.POSITIVE_INFINITY);

/** Where x is infinite, as bool. */
export const isInf = (x: TensorLike): Tensor => eq(abs(real("isInf", x)), Number.POSITIVE_INFINITY);

/** Replacements of nanToNum. */
export interface NanToNumOptions {
  /** For NaN (0). */
  nan?: number;
  /** For infinity (the largest f32). */
  posInf?: number;
  /** For -infinity (the smallest f32). */
  negInf?: number;
}

const largest = 3.4028234663852886e38;

/** x with numbers in place of NaN and infinities, which get no gradient. */
export function nanToNum(
  x: TensorLike,
  { nan = 0, posInf = largest, negInf = -largest }: NanToNumOptions = {},
): Tensor {
  const t = real("nanToNum", x);
  const finite = where(eq(t, Number.POSITIVE_INFINITY), posInf, where(eq(t, Number.NEGATIVE_INFINITY), negInf, t));
  return where(ne(t, t), nan, finite);
}
