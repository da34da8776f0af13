import { TensorError } from "../errors.js";
import { leaf } from "../node.js";
import { hostGenerator } from "../random.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";

/*
 * First values of parameters, drawn on the host from `hostGenerator()` (see `manualSeed`), so that they are the same on every
 * device. Each function gives a tensor of `shape`: `new Parameter(kaimingNormal([64, 3, 3, 3]))`, or, for a parameter that
 * exists, `parameter.load(zeros...)`: `layer.weight.load(xavierUniform(layer.weight.shape))`.
 */

/** The function that follows a layer, which decides how far its weights are scaled. */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/** Options of the kaiming initializers. */
export interface KaimingOptions {
  /** What keeps its variance: activations on the way forward ("fanIn", the default) or gradients on the way back ("fanOut"). */
  mode?: "fanIn" | "fanOut";
  /** "leakyRelu" with `slope`, as PyTorch. */
  nonlinearity?: Nonlinearity;
  /** Slope of the leaky ReLU below zero (0, a ReLU). */
  slope?: number;
}

/** Options of `truncatedNormal`. */
export interface TruncatedNormalOptions {
  /** 0 */
  mean?: number;
  /** 1 */
  std?: number;
  /** Smallest value (-2), not counted in standard deviations. */
  low?: number;
  /** Largest value (2). */
  high?: number;
}

function filled(shape: Shape, draw: (i: number) => number): Tensor {
  checkShape("init", shape);
  const host = new Float32Array(sizeOf(shape));
  for (let i = 0; i < host.length; i++) host[i] = draw(i);
  return leaf(host, shape, "f32");
}

/** A tensor of `shape` filled with `value`, on the host. */
export function constantInit(shape: Shape, value: number): Tensor {
  return filled(shape, () => value);
}

/** Uniform numbers in [low, high). */
export function uniform(shape: Shape, { low = 0, high = 1 }: { low?: number; high?: number } = {}): Tensor {
  const generator = hostGenerator();
  return filled(shape, () => low + (high - low) * generator.uniform());
}

/** Normal numbers. */
export function normal(shape: Shape, { mean = 0, std = 1 }: { mean?: number; std?: number } = {}): Tensor {
  const generator = hostGenerator();
  return filled(shape, () => mean + std * generator.normal());
}

/** Normal numbers within [low, high], drawn anew until they are; throws when the range is empty or far from the mean. */
export function truncatedNormal(
  shape: Shape,
  { mean = 0, std = 1, low = -2, high = 2 }: TruncatedNormalOptions = {},
): Tensor {
  const nearest = Math.min(Math.max(mean, low), high);
  if (!(low < high) || !(std > 0) || Math.abs(nearest - mean) > 4 * std) {
    throw new TensorError(
      "truncatedNormal",
      `[${low}, ${high}] holds too little of a normal distribution with mean ${mean} and std ${std}.`,
    );
  }
  const generator = hostGenerator();
  const density = (x: number) => Math.exp(-((x - mean) ** 2 - (nearest - mean) ** 2) / (2 * std * std));
  // A narrow range is hit seldom by normal numbers: there, uniform ones are kept in proportion to the density.
  const narrow = high - low < std || nearest !== mean;
  return filled(shape, () => {
    for (;;) {
      const x = narrow ? low + (high - low) * generator.uniform() : mean + std * generator.normal();
      if (narrow ? generator.uniform() < density(x) : x >= low && x <= high) return x;
    }
  });
}

/** Inputs and outputs of one unit of a weight [out, in, ...kernel]; throws below two axes. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2)
    throw new TensorError(
      "init",
      `a weight ${formatShape(shape)} has no inputs and outputs: at least two axes are needed.`,
    );
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * kernel, fanOut: shape[0]! * kernel };
}

/** The recommended scale of weights before `nonlinearity`, as PyTorch's calculate_gain. */
export function gain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "selu":
      return 3 / 4;
    default:
      return 1;
  }
}

function kaimingStd(shape: Shape, { mode = "fanIn", nonlinearity = "leakyRelu", slope = 0 }: KaimingOptions): number {
  return gain(nonlinearity, slope) / Math.sqrt(Math.max(1, fans(shape)[mode]));
}

/** Uniform numbers whose variance suits ReLU layers (He et al., "Delving deep into rectifiers", 2015). */
export function kaimingUniform(shape: Shape, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(shape, options);
  return uniform(shape, { low: -bound, high: bound });
}

/** Normal numbers whose variance suits ReLU layers (He et al., 2015). */
export function kaimingNormal(shape: Shape, options: KaimingOptions = {}): Tensor {
  return normal(shape, { std: kaimingStd(shape, options) });
}

function xavierStd(shape: Shape, scale: number): number {
  const { fanIn, fanOut } = fans(shape);
  return scale * Math.sqrt(2 / Math.max(1, fanIn + fanOut));
}

/** Uniform numbers whose variance suits tanh layers (Glorot and Bengio, 2010). */
export function xavierUniform(shape: Shape, { gain: scale = 1 }: { gain?: number } = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd(shape, scale);
  return uniform(shape, { low: -bound, high: bound });
}

/** Normal numbers whose variance suits tanh layers (Glorot and Bengio, 2010). */
export function xavierNormal(shape: Shape, { gain: scale = 1 }: { gain?: number } = {}): Tensor {
  return normal(shape, { std: xavierStd(shape, scale) });
}

/** The identity matrix [n, m] times `scale`: the recurrent weights of Le, Jaitly and Hinton (2015). */
export function identity(shape: Shape, { scale = 1 }: { scale?: number } = {}): Tensor {
  if (shape.length !== 2) throw new TensorError("identity", `${formatShape(shape)} is no matrix.`);
  const columns = shape[1]!;
  return filled(shape, (i) => (Math.floor(i / columns) === i % columns ? scale : 0));
}

/** A random matrix [n, ...rest flattened] with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al., 2013). */
export function orthogonal(shape: Shape, { gain: scale = 1 }: { gain?: number } = {}): Tensor {
  if (shape.length < 2) throw new TensorError("orthogonal", `${formatShape(shape)} is no matrix.`);
  const rows = shape[0]!;
  const columns = sizeOf(shape.slice(1));
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const generator = hostGenerator();
  const basis: Float64Array[] = [];
  while (basis.length < count) {
    const v = Float64Array.from({ length }, () => generator.normal());
    // Gram-Schmidt, twice: once leaves an error that grows with the number of vectors.
    for (const u of [...basis, ...basis]) {
      const along = dot(u, v);
      for (let i = 0; i < length; i++) v[i]! -= along * u[i]!;
    }
    const norm = Math.sqrt(dot(v, v));
    basis.push(v.map((x) => x / norm));
  }
  return filled(shape, (i) => {
    const row = Math.floor(i / columns);
    const column = i % columns;
    return scale * (rows <= columns ? basis[row]![column]! : basis[column]![row]!);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
