import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, float, real, reshape, type TensorLike, toTensor } from "./convert.js";
import { add, mul, recip, sqrt, sub } from "./elementwise.js";
import { customGradient } from "./gather.js";
import { sum } from "./reduce.js";
import { standardize } from "./statistics.js";

/** What normalizing functions do after normalizing. */
export interface AffineOptions {
  /** Multiplies the normalized values (none). */
  weight?: TensorLike;
  /** Is added then (none). */
  bias?: TensorLike;
  /** Added to the variance (1e-5). */
  epsilon?: number;
}

function affine(
  x: Tensor,
  weight: TensorLike | undefined,
  bias: TensorLike | undefined,
  shape: (t: Tensor) => Tensor,
): Tensor {
  let y = x;
  if (weight !== undefined) y = mul(y, shape(toTensor("weight", weight)));
  if (bias !== undefined) y = add(y, shape(toTensor("bias", bias)));
  return y;
}

/** A vector over the channels (axis 1) of x [N, C, ...], shaped to broadcast with it. */
function perChannel(op: string, x: Tensor): (t: Tensor) => Tensor {
  const { shape } = specOf(x);
  if (shape.length < 2) throw new TensorError(op, `the input has shape ${formatShape(shape)}, expected [N, C, ...].`);
  return (t) => {
    if (!sameShape(specOf(t).shape, [shape[1]!])) {
      throw new TensorError(
        op,
        `${formatShape(specOf(t).shape)} fits not the ${shape[1]} channels of ${formatShape(shape)}: expected [${shape[1]}].`,
      );
    }
    return reshape(t, [shape[1]!, ...shape.slice(2).map(() => 1)]);
  };
}

/** Options of batchNorm. */
export interface BatchNormOptions extends AffineOptions {
  /** Of each channel [C]. */
  mean: TensorLike;
  /** Of each channel [C]. */
  variance: TensorLike;
}

/** The channels (axis 1) of x [N, C, ...] normalized in f32 with given statistics, f16 of halves (Ioffe and Szegedy 2015, arXiv:1502.03167). */
export function batchNorm(
  x: TensorLike,
  { mean: center, variance, weight, bias, epsilon = 1e-5 }: BatchNormOptions,
): Tensor {
  const t = real("batchNorm", x);
  const channels = perChannel("batchNorm", t);
  const inverse = recip(sqrt(add(real("batchNorm", variance), epsilon)));
  const scale = weight === undefined ? inverse : mul(inverse, weight);
  const centered = sub(t, channels(toTensor("batchNorm", center)));
  return asInput(x, affine(mul(centered, channels(scale)), undefined, bias, channels));
}

/** What was normalized as f32, in half precision again where the input was. */
function asInput(x: TensorLike, y: Tensor): Tensor {
  return cast(y, specOf(float("batchNorm", x)).dtype);
}

/** What batch norm in training gives: the output, and the batch's statistics of each channel [C] (variance uncorrected). */
export interface BatchStatistics {
  y: Tensor;
  mean: Tensor;
  variance: Tensor;
}

/**
 * The channels (axis 1) of x [N, C, ...] normalized with the batch's own statistics. Its derivative is written out (Ioffe and
 * Szegedy 2015, section 3), because it takes two passes over x and the gradient where the chain rule takes more.
 */
export function batchNormTraining(
  x: TensorLike,
  { weight, bias, epsilon = 1e-5 }: AffineOptions = {},
): BatchStatistics {
  const t = real("batchNorm", x);
  const channels = perChannel("batchNorm", t);
  const { shape } = specOf(t);
  const axes = shape.map((_, i) => i).filter((i) => i !== 1);
  const share = 1 / axes.reduce((n, i) => n * shape[i]!, 1);
  const center = mul(sum(t, axes), share);
  const centered = sub(t, channels(center));
  const variance = mul(sum(mul(centered, centered), axes), share);
  const inverse = recip(sqrt(add(variance, epsilon)));
  const parameters = [weight, bias].map((p) => (p === undefined ? undefined : toTensor("batchNorm", p)));
  const [w, b] = parameters;
  const scale = w ? mul(inverse, w) : inverse;
  const normalized = mul(centered, channels(scale));
  const output = b ? add(normalized, channels(b)) : normalized;
  const y = customGradient(output, [t, ...parameters.filter((p) => p !== undefined)], (g) => {
    const standard = mul(centered, channels(inverse));
    const total = sum(g, axes);
    const along = sum(mul(g, standard), axes);
    const rest = add(channels(mul(total, share)), mul(standard, channels(mul(along, share))));
    return [mul(sub(g, rest), channels(scale)), ...(w ? [along] : []), ...(b ? [total] : [])];
  });
  return { y: asInput(x, y), mean: center, variance };
}

/** x normalized over its last axes, which have the sizes `shape` (Ba et al. 2016, arXiv:1607.06450); weight and bias have that shape. */
export function layerNorm(
  x: TensorLike,
  shape: number | readonly number[],
  { weight, bias, epsilon = 1e-5 }: AffineOptions = {},
): Tensor {
  const t = real("layerNorm", x);
  const sizes = specOf(t).shape;
  const inner = typeof shape === "number" ? [shape] : shape;
  if (inner.length === 0 || !sameShape(sizes.slice(-inner.length), inner)) {
    throw new TensorError(
      "layerNorm",
      `the last axes of ${formatShape(sizes)} have not the sizes ${formatShape(inner)}.`,
    );
  }
  return affine(
    standardize(
      t,
      inner.map((_, i) => i - inner.length),
      epsilon,
    ),
    weight,
    bias,
    (w) => w,
  );
}

/** x [N, C, ...] normalized over each of `groups` groups of channels (Wu and He 2018, arXiv:1803.08494); weight and bias are [C]. */
export function groupNorm(x: TensorLike, groups: number, { weight, bias, epsilon = 1e-5 }: AffineOptions = {}): Tensor {
  const t = real("groupNorm", x);
  const { shape } = specOf(t);
  const channels = perChannel("groupNorm", t);
  const [n, c, ...rest] = shape as [number, number, ...number[]];
  if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0) {
    throw new TensorError("groupNorm", `${groups} groups do not divide the ${c} channels of ${formatShape(shape)}.`);
  }
  const grouped = reshape(t, [n, groups, c / groups, ...rest]);
  const axes = specOf(grouped)
    .shape.map((_, i) => i)
    .slice(2);
  return affine(reshape(standardize(grouped, axes, epsilon), shape), weight, bias, channels);
}

/** Every channel of every sample of x [N, C, ...] normalized by itself (Ulyanov et al. 2016, arXiv:1607.08022); weight and bias are [C]. */
export function instanceNorm(x: TensorLike, { weight, bias, epsilon = 1e-5 }: AffineOptions = {}): Tensor {
  const t = real("instanceNorm", x);
  const channels = perChannel("instanceNorm", t);
  const axes = specOf(t)
    .shape.map((_, i) => i)
    .slice(2);
  if (axes.length === 0)
    throw new TensorError(
      "instanceNorm",
      `the input has shape ${formatShape(specOf(t).shape)}, expected [N, C, ...] with at least one more axis.`,
    );
  return affine(standardize(t, axes, epsilon), weight, bias, channels);
}
