import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { detach, float, real, reshape, type TensorLike, toTensor } from "./convert.js";
import { abs, add, div, erf, exp, ge, le, log, lt, mul, neg, sigmoid, sub, tanh, where } from "./elementwise.js";
import { chunk } from "./joining.js";
import { expm1, log1p } from "./math.js";
import { amax, sum } from "./reduce.js";

/** The smallest normal f32: below it lie 0, negative numbers and denormals, which devices flush to 0. */
const tiny = 2 ** -126;

/** max(x, 0); its gradient at 0 is 0, and NaN stays. */
export function relu(x: TensorLike): Tensor {
  const t = float("relu", x);
  return where(lt(t, tiny), 0, t);
}

/** x above 0, slope * x elsewhere. */
export function leakyRelu(x: TensorLike, slope = 0.01): Tensor {
  const t = float("leakyRelu", x);
  return where(lt(0, t), t, mul(t, slope));
}

/** x above 0, weight * x elsewhere; one weight [1], or one a channel [C] for x [N, C, ...] (He et al. 2015, arXiv:1502.01852). */
export function prelu(x: TensorLike, weight: TensorLike): Tensor {
  const t = real("prelu", x);
  const w = toTensor("prelu", weight);
  const { shape } = specOf(t);
  const [count = 1, ...rest] = specOf(w).shape;
  if (rest.length > 0 || (count !== 1 && count !== shape[1])) {
    throw new TensorError(
      "prelu",
      `a weight ${formatShape(specOf(w).shape)} fits not the channels of ${formatShape(shape)}: expected [1] or [C].`,
    );
  }
  const slopes = count === 1 ? reshape(w, []) : reshape(w, [count, ...shape.slice(2).map(() => 1)]);
  return where(lt(0, t), t, mul(t, slopes));
}

/** Bounds of hardtanh. */
export interface HardtanhOptions {
  /** -1 */
  min?: number;
  /** 1 */
  max?: number;
}

/** x held between two bounds; its gradient is 0 on them (clamp's is 1). */
export function hardtanh(x: TensorLike, { min = -1, max = 1 }: HardtanhOptions = {}): Tensor {
  const t = real("hardtanh", x);
  return where(le(t, min), min, where(ge(t, max), max, t));
}

/** x held between 0 and 6. */
export const relu6 = (x: TensorLike): Tensor => hardtanh(x, { min: 0, max: 6 });

/** (x + 3) / 6 held between 0 and 1 (Howard et al. 2019, arXiv:1905.02244). */
export const hardsigmoid = (x: TensorLike): Tensor => mul(relu6(add(real("hardsigmoid", x), 3)), 1 / 6);

/** x * hardsigmoid(x) (Howard et al. 2019, arXiv:1905.02244). */
export function hardswish(x: TensorLike): Tensor {
  const t = real("hardswish", x);
  return mul(t, hardsigmoid(t));
}

/** x above 0, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015, arXiv:1511.07289). */
export function elu(x: TensorLike, alpha = 1): Tensor {
  return exponentialUnit(real("elu", x), alpha, 1);
}

/** x above 0, alpha * (exp(x / alpha) - 1) elsewhere (Barron 2017, arXiv:1704.07483). */
export function celu(x: TensorLike, alpha = 1): Tensor {
  return exponentialUnit(real("celu", x), alpha, 1 / alpha);
}

/** elu scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017, arXiv:1706.02515). */
export function selu(x: TensorLike): Tensor {
  return mul(exponentialUnit(real("selu", x), 1.6732632423543772, 1), 1.0507009873554805);
}

function exponentialUnit(x: Tensor, alpha: number, rate: number): Tensor {
  const positive = lt(0, x);
  // The unchosen side never sees large numbers: their exp would overflow, and 0 * infinity is NaN in the gradient.
  const low = where(positive, 0, x);
  return where(positive, x, mul(expm1(mul(low, rate)), alpha));
}

/** Options of gelu. */
export interface GeluOptions {
  /** "tanh" takes the cheaper formula of the paper ("none"). */
  approximate?: "none" | "tanh";
}

/** x times the normal distribution function of x (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export function gelu(x: TensorLike, { approximate = "none" }: GeluOptions = {}): Tensor {
  const t = real("gelu", x);
  const inner =
    approximate === "tanh"
      ? tanh(mul(mul(t, add(mul(mul(t, t), 0.044715), 1)), Math.sqrt(2 / Math.PI)))
      : erf(mul(t, Math.SQRT1_2));
  return mul(mul(t, 0.5), add(inner, 1));
}

/** x * sigmoid(x), also called swish. */
export function silu(x: TensorLike): Tensor {
  const t = real("silu", x);
  return mul(t, sigmoid(t));
}

/** x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681). */
export function mish(x: TensorLike): Tensor {
  const t = real("mish", x);
  // tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2), which is 1 for x above 20.
  const e = exp(where(lt(20, t), 20, t));
  const n = mul(e, add(e, 2));
  return mul(t, div(n, add(n, 2)));
}

/** Options of softplus. */
export interface SoftplusOptions {
  /** Steepness (1). */
  beta?: number;
  /** Above this value of beta * x the result is x itself (20). */
  threshold?: number;
}

/** log(1 + exp(beta * x)) / beta: a smooth relu. */
export function softplus(x: TensorLike, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor {
  const t = real("softplus", x);
  const steep = beta === 1 ? t : mul(t, beta);
  const linear = lt(threshold, steep);
  const soft = log1p(exp(where(linear, 0, steep)));
  return where(linear, t, beta === 1 ? soft : mul(soft, 1 / beta));
}

/** log(sigmoid(x)), without overflow. */
export const logSigmoid = (x: TensorLike): Tensor => neg(softplus(neg(real("logSigmoid", x))));

/** x / (1 + |x|). */
export function softsign(x: TensorLike): Tensor {
  const t = real("softsign", x);
  return div(t, add(abs(t), 1));
}

/** The first half of `axis` times the sigmoid of the second (Dauphin et al. 2016, arXiv:1612.08083). */
export function glu(x: TensorLike, axis = -1): Tensor {
  const t = real("glu", x);
  const { shape } = specOf(t);
  const size = shape[normalizeAxis("glu", axis, shape.length)] ?? 1;
  if (size % 2 !== 0)
    throw new TensorError(
      "glu",
      `axis ${axis} of ${formatShape(shape)} has ${size} elements, an odd number has no halves.`,
    );
  const [value, gate] = chunk(t, 2, axis) as [Tensor, Tensor];
  return mul(value, sigmoid(gate));
}

/** exp(x) over its sum along `axis`, without overflow. */
export function softmax(x: TensorLike, axis = -1): Tensor {
  const e = exp(shifted("softmax", x, axis));
  return div(e, sum(e, axis, { keepDims: true }));
}

/** log(softmax(x)) along `axis`, without overflow. */
export function logSoftmax(x: TensorLike, axis = -1): Tensor {
  const t = shifted("logSoftmax", x, axis);
  return sub(t, log(sum(exp(t), axis, { keepDims: true })));
}

/** x less its largest element along `axis`: a shift that changes no softmax, so no gradient passes through it. */
function shifted(op: string, x: TensorLike, axis: number): Tensor {
  const t = real(op, x);
  const at = normalizeAxis(op, axis, specOf(t).shape.length);
  if (specOf(t).shape[at] === 0) return t;
  return sub(t, detach(amax(t, at, { keepDims: true })));
}
