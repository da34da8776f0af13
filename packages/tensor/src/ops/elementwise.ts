import { make, type Op, specOf } from "../node.js";
import { broadcastShapes } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, combine, expand, float, matched, numeric, real, type TensorLike, toTensor } from "./convert.js";

type RealUnary = "recip" | "exp" | "log" | "sin" | "cos" | "sqrt" | "tanh" | "sigmoid" | "erf" | "atan" | "floor";

function unary(op: RealUnary, x: TensorLike): Tensor {
  const t = real(op, x);
  return make(op as Op, [t], null, specOf(t).shape, "f32");
}

function signed(op: "neg" | "abs" | "sign", x: TensorLike): Tensor {
  const t = numeric(toTensor(op, x));
  const { shape, dtype } = specOf(t);
  return make(op as Op, [t], null, shape, dtype);
}

/** -x. */
export const neg = (x: TensorLike): Tensor => signed("neg", x);
/** |x|; its derivative at 0 is 0. */
export const abs = (x: TensorLike): Tensor => signed("abs", x);
/** -1, 0 or 1. */
export const sign = (x: TensorLike): Tensor => signed("sign", x);
/** 1 / x. */
export const recip = (x: TensorLike): Tensor => unary("recip", x);
/** e to the x. */
export const exp = (x: TensorLike): Tensor => unary("exp", x);
/** The natural logarithm; -Infinity at 0, NaN below. */
export const log = (x: TensorLike): Tensor => unary("log", x);
/** The sine of x (radians). */
export const sin = (x: TensorLike): Tensor => unary("sin", x);
/** The cosine of x (radians). */
export const cos = (x: TensorLike): Tensor => unary("cos", x);
/** The square root; NaN below 0. */
export const sqrt = (x: TensorLike): Tensor => unary("sqrt", x);
/** The hyperbolic tangent. */
export const tanh = (x: TensorLike): Tensor => unary("tanh", x);
/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: TensorLike): Tensor => unary("sigmoid", x);
/** The error function. */
export const erf = (x: TensorLike): Tensor => unary("erf", x);
/** The inverse tangent, in radians. */
export const atan = (x: TensorLike): Tensor => unary("atan", x);
/** The largest whole number at most x; its derivative is 0. */
export const floor = (x: TensorLike): Tensor => unary("floor", x);

/** a + b, broadcast. */
export const add = (a: TensorLike, b: TensorLike): Tensor => combine("add", a, b);
/** a * b, broadcast. */
export const mul = (a: TensorLike, b: TensorLike): Tensor => combine("mul", a, b);
/** The larger of a and b, broadcast; NaN when either is; on ties each gets half of the gradient. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => combine("max", a, b);
/** The smaller of a and b, broadcast; NaN when either is. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => neg(maximum(neg(a), neg(b)));
/** a - b, broadcast. */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  if (typeof b === "number") return add(a, -b);
  // Negated after broadcasting: inside the kernel that adds, instead of in one of its own for the small side.
  const [x, y] = matched("sub", a, b);
  return add(x, neg(y));
}
/** a / b, broadcast; f32, or f16 of halves. */
export function div(a: TensorLike, b: TensorLike): Tensor {
  if (typeof b === "number") return mul(float("div", a), 1 / b);
  const [x, y] = matched("div", a, b).map((t) => float("div", t)) as [Tensor, Tensor];
  return make("div", [x, y], null, specOf(x).shape, specOf(x).dtype);
}

/** a < b, as bool. */
export const lt = (a: TensorLike, b: TensorLike): Tensor => combine("lt", a, b, "bool");
/** a == b, as bool; NaN equals nothing. */
export const eq = (a: TensorLike, b: TensorLike): Tensor => combine("eq", a, b, "bool");
/** a > b, as bool. */
export const gt = (a: TensorLike, b: TensorLike): Tensor => lt(b, a);
/** a <= b, as bool. */
export const le = (a: TensorLike, b: TensorLike): Tensor => logicalOr(lt(a, b), eq(a, b));
/** a >= b, as bool. */
export const ge = (a: TensorLike, b: TensorLike): Tensor => le(b, a);
/** a != b, as bool. */
export const ne = (a: TensorLike, b: TensorLike): Tensor => logicalNot(eq(a, b));
/** Both, as bool. */
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor => cast(mul(cast(a, "bool"), cast(b, "bool")), "bool");
/** Either, as bool. */
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor =>
  cast(maximum(cast(a, "bool"), cast(b, "bool")), "bool");
/** Not, as bool. */
export const logicalNot = (a: TensorLike): Tensor => eq(cast(a, "bool"), 0);

/** `a` where `condition` is true, else `b`; all three broadcast. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const test = cast(toTensor("where", condition), "bool");
  const [x, y] = matched("where", a, b);
  const shape = broadcastShapes("where", specOf(test).shape, specOf(x).shape);
  return make("where", [expand(test, shape), expand(x, shape), expand(y, shape)], null, shape, specOf(x).dtype);
}
