import { specOf } from "../node.js";
import type { Tensor } from "../tensor.js";
import { cast, detach, matched, real, type TensorLike, toTensor, wide } from "./convert.js";
import { abs, eq, exp, floor, log, logicalAnd, lt, mul, recip, sqrt, where } from "./elementwise.js";
import { ones } from "./generate.js";

/**
 * x to the power `exponent` (a number or a tensor, broadcast), as PyTorch's pow: x^0 = 1, and negative bases take whole exponents,
 * else NaN. The result is f32, or i32 for an integer x and a whole number of at least 0. An exponent tensor gets no gradient
 * where the base is negative (PyTorch: NaN).
 */
export function pow(x: TensorLike, exponent: TensorLike): Tensor {
  if (typeof exponent !== "number") return powerOfTensors(real("pow", x), real("pow", exponent));
  const t = wide(toTensor("pow", x));
  const whole = Number.isInteger(exponent);
  if (whole && exponent >= 0 && exponent <= 64) return repeated(t, exponent);
  if (whole && exponent < 0 && exponent >= -64) return repeated(recip(t), -exponent);
  if (exponent === 0.5) return sqrt(t);
  if (exponent === -0.5) return recip(sqrt(t));
  return powerOfNumber(cast(t, "f32"), exponent);
}

/** x multiplied by itself, by squaring: log2(n) multiplications, derivatives exact at 0. */
function repeated(x: Tensor, times: number): Tensor {
  if (times === 0) return ones(specOf(x).shape, { dtype: specOf(x).dtype === "f32" ? "f32" : "i32" });
  let result: Tensor | undefined;
  let square = x;
  for (let n = times; ; square = mul(square, square)) {
    if (n % 2 === 1) result = result ? mul(result, square) : square;
    n = Math.floor(n / 2);
    if (n === 0) return result!;
  }
}

function powerOfNumber(x: Tensor, p: number): Tensor {
  const whole = Number.isInteger(p);
  const zero = eq(x, 0);
  // Each branch sees a harmless base where it is not chosen, or its infinite derivative would make the other's NaN.
  const base = where(zero, 1, whole ? abs(x) : x);
  const size = exp(mul(log(base), p));
  const power = whole && p % 2 !== 0 ? where(lt(x, 0), mul(size, -1), size) : size;
  return where(zero, p > 1 ? 0 : edge(x, zero, p < 0), power);
}

/** 0 (or infinity) where `at` is set, with the infinite derivative of x^p there. */
function edge(x: Tensor, at: Tensor, negative: boolean): Tensor {
  const base = where(at, x, 1);
  return negative ? recip(base) : sqrt(base);
}

function powerOfTensors(left: Tensor, right: Tensor): Tensor {
  const [x, p] = matched("pow", left, right);
  const zero = eq(x, 0);
  const negative = lt(x, 0);
  const exponent = where(negative, detach(p), p);
  const size = exp(mul(exponent, log(where(zero, 1, abs(x)))));
  const half = mul(p, 0.5);
  const even = eq(half, floor(half));
  const whole = eq(p, floor(p));
  const signed = where(negative, where(even, size, where(whole, mul(size, -1), Number.NaN)), size);
  const root = logicalAnd(zero, logicalAnd(lt(0, p), lt(p, 1)));
  const inverse = logicalAnd(zero, lt(p, 0));
  const line = mul(where(zero, x, 0), cast(eq(p, 1), "f32"));
  const atZero = where(inverse, edge(x, inverse, true), where(root, edge(x, root, false), line));
  return where(zero, where(eq(p, 0), 1, atZero), signed);
}
