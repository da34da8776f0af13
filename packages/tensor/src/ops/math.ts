import type { Tensor } from "../tensor.js";
import { detach, matched, real, type TensorLike, toTensor, wide } from "./convert.js";
import {
  abs,
  add,
  atan,
  cos,
  div,
  eq,
  exp,
  log,
  lt,
  mul,
  neg,
  recip,
  sin,
  sqrt,
  sub,
  tanh,
  where,
} from "./elementwise.js";

/** The tangent of x (radians). */
export function tan(x: TensorLike): Tensor {
  const t = real("tan", x);
  return div(sin(t), cos(t));
}

/** The inverse sine, in radians; NaN outside [-1, 1]. */
export function asin(x: TensorLike): Tensor {
  const t = real("asin", x);
  // The half-angle form is finite at both ends; two roots instead of one keep the derivative there infinite, not NaN.
  const cosine = mul(sqrt(sub(1, t)), sqrt(add(t, 1)));
  return mul(atan(div(t, add(cosine, 1))), 2);
}

/** The inverse cosine, in radians; NaN outside [-1, 1]. */
export const acos = (x: TensorLike): Tensor => sub(Math.PI / 2, asin(x));

/** The angle (radians, -pi to pi) of the point (x, y), broadcast; at the origin 0, without a gradient. */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  const [v, h] = matched("atan2", real("atan2", y), real("atan2", x));
  const steep = lt(abs(h), abs(v));
  const below = where(steep, v, h);
  const origin = eq(below, 0);
  const angle = atan(div(where(steep, h, v), where(origin, 1, below)));
  const backward = where(lt(h, 0), where(lt(v, 0), -Math.PI, Math.PI), 0);
  const turned = where(steep, sub(where(lt(v, 0), -Math.PI / 2, Math.PI / 2), angle), add(angle, backward));
  return where(origin, 0, turned);
}

/** The hyperbolic sine, accurate near 0. */
export function sinh(x: TensorLike): Tensor {
  const t = real("sinh", x);
  return mul(sub(expm1(t), expm1(neg(t))), 0.5);
}

/** The hyperbolic cosine. */
export function cosh(x: TensorLike): Tensor {
  const t = real("cosh", x);
  return mul(add(exp(t), exp(neg(t))), 0.5);
}

/** The inverse hyperbolic sine, accurate near 0. */
export function asinh(x: TensorLike): Tensor {
  const t = real("asinh", x);
  const a = abs(t);
  // log(a + root) = log1p(a + a^2 / (1 + root)), without cancellation.
  const root = sqrt(add(mul(a, a), 1));
  const size = log1p(add(a, mul(a, div(a, add(root, 1)))));
  return where(lt(t, 0), neg(size), size);
}

/** The inverse hyperbolic cosine; NaN below 1. */
export function acosh(x: TensorLike): Tensor {
  const t = sub(real("acosh", x), 1);
  return log1p(add(t, mul(sqrt(t), sqrt(add(t, 2)))));
}

/** The inverse hyperbolic tangent, accurate near 0; infinite at -1 and 1, NaN outside. */
export function atanh(x: TensorLike): Tensor {
  const t = real("atanh", x);
  return mul(sub(log1p(t), log1p(neg(t))), 0.5);
}

/** The logarithm to base 2. */
export const log2 = (x: TensorLike): Tensor => mul(log(x), Math.LOG2E);
/** The logarithm to base 10. */
export const log10 = (x: TensorLike): Tensor => mul(log(x), Math.LOG10E);
/** 2 to the x. */
export const exp2 = (x: TensorLike): Tensor => exp(mul(real("exp2", x), Math.LN2));
/** 1 / sqrt(x). */
export const rsqrt = (x: TensorLike): Tensor => recip(sqrt(x));

/** x * x, f32 of halves. */
export function square(x: TensorLike): Tensor {
  const t = wide(toTensor("square", x));
  return mul(t, t);
}

/** log(1 + x), accurate near 0. */
export function log1p(x: TensorLike): Tensor {
  const t = real("log1p", x);
  const sum = add(t, 1);
  // What rounding 1 + x lost, over 1 + x. Detached: the derivative of log(1 + x) needs no correction.
  const lost = div(sub(t, sub(sum, 1)), sum);
  return add(log(sum), detach(where(lt(abs(t), 0.5), lost, 0)));
}

/** exp(x) - 1, accurate near 0. */
export function expm1(x: TensorLike): Tensor {
  const t = real("expm1", x);
  const e = exp(t);
  const rough = sub(e, 1);
  // (e^x - 1) = tanh(x / 2) (e^x + 1), without cancellation. Detached: the derivative of e^x - 1 needs no correction.
  const exact = mul(tanh(mul(t, 0.5)), add(e, 1));
  return add(rough, detach(where(lt(abs(t), 0.5), sub(exact, rough), 0)));
}
