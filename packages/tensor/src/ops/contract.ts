import type { ConvParams, PoolParams } from "../backend.js";
import { promote, requireDType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { make, specOf } from "../node.js";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { autocasted } from "./autocast.js";
import { cast, expand, float, reshape, type TensorLike, toTensor } from "./convert.js";

/** One number for both directions, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** Geometry of a convolution. */
export interface ConvOptions {
  /** 1 */
  stride?: Pair;
  /** Zeros around the image (0). */
  padding?: Pair;
  /** Distance between kernel taps (1). */
  dilation?: Pair;
  /** Channel groups that see only each other (1). */
  groups?: number;
}

/** Geometry of a pooling window. */
export interface PoolOptions {
  /** The kernel's size by default. */
  stride?: Pair;
  /** 0, at most half of the kernel. */
  padding?: Pair;
  /** Whether padding counts in averages (true). */
  countIncludePad?: boolean;
}

/** `[v, h]` of a pair; throws unless both are whole numbers of at least `least`. */
export function pair(op: string, name: string, value: Pair, least: number): [number, number] {
  const both: [number, number] = typeof value === "number" ? [value, value] : [value[0], value[1]];
  for (const v of both) {
    if (!Number.isInteger(v) || v < least)
      throw new TensorError(op, `${name} ${JSON.stringify(value)}: expected whole numbers of at least ${least}.`);
  }
  return both;
}

/** Two operands of a contraction in one float dtype: f16 when both are (or autocast makes them so), else f32. */
function operands(op: string, a: [name: string, x: Tensor], b: [name: string, x: Tensor]): [Tensor, Tensor] {
  for (const [name, x] of [a, b]) requireDType(op, name, specOf(x).dtype, "f32", "f16");
  const [x, y] = [autocasted(a[1]), autocasted(b[1])];
  const dtype = promote(specOf(x).dtype, specOf(y).dtype);
  return [cast(x, dtype), cast(y, dtype)];
}

/**
 * The matrix product of a [..., M, K] and b [..., K, N] -> [..., M, N]; leading axes broadcast. A vector [K] counts as a
 * row on the left and as a column on the right, and its axis goes from the result, as NumPy's matmul. Two halves give f16.
 */
export function matmul(a: TensorLike, b: TensorLike): Tensor {
  let [x, y] = operands(
    "matmul",
    ["the left operand", toTensor("matmul", a)],
    ["the right operand", toTensor("matmul", b)],
  );
  const left = specOf(x).shape;
  const right = specOf(y).shape;
  if (left.length === 0 || right.length === 0)
    throw new TensorError(
      "matmul",
      `${formatShape(left)} x ${formatShape(right)}: scalars have no inner axis. Use mul()?`,
    );
  if (left.length === 1) x = reshape(x, [1, left[0]!]);
  if (right.length === 1) y = reshape(y, [right[0]!, 1]);
  const p = specOf(x).shape;
  const q = specOf(y).shape;
  const [m, k] = p.slice(-2) as [number, number];
  const [k2, n] = q.slice(-2) as [number, number];
  if (k !== k2) {
    const hint =
      left.length > 1 && right.length > 1 && right.at(-1) === k
        ? "Transpose the second?"
        : "The last axis of the first meets the last but one of the second.";
    throw new TensorError(
      "matmul",
      `inner sizes differ: ${formatShape(left)} x ${formatShape(right)} (${k} and ${k2}). ${hint}`,
    );
  }
  let out: Tensor;
  if (q.length === 2 && p.length > 2) {
    // One tall product instead of a batch of small ones.
    out = reshape(product(reshape(x, [sizeOf(p.slice(0, -1)), k]), y), [...p.slice(0, -1), n]);
  } else {
    const batch = broadcastShapes("matmul", p.slice(0, -2), q.slice(0, -2));
    out = product(expand(x, [...batch, m, k]), expand(y, [...batch, k, n]));
  }
  const keep = [...specOf(out).shape];
  if (right.length === 1) keep.splice(-1, 1);
  if (left.length === 1) keep.splice(right.length === 1 ? -1 : -2, 1);
  return reshape(out, keep);
}

function product(x: Tensor, y: Tensor): Tensor {
  const { shape, dtype } = specOf(x);
  return make("matmul", [x, y], null, [...shape.slice(0, -1), specOf(y).shape.at(-1)!], dtype);
}

/** Output size of a window sliding over `size` elements. */
export function windowCount(size: number, kernel: number, stride: number, padding: number, dilation: number): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** The 2-d convolution (cross-correlation) of images x [N, C, H, W] with weight [O, C/groups, kh, kw] -> [N, O, H', W'], as PyTorch's conv2d; f16 of two halves. */
export function conv2d(
  x: TensorLike,
  weight: TensorLike,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions = {},
): Tensor {
  const [image, w] = operands(
    "conv2d",
    ["the input", toTensor("conv2d", x)],
    ["the weight", toTensor("conv2d", weight)],
  );
  const xs = specOf(image).shape;
  const ws = specOf(w).shape;
  if (xs.length !== 4)
    throw new TensorError(
      "conv2d",
      `the input has shape ${formatShape(xs)}, expected [N, C, H, W]. ${xs.length === 3 ? "Add the batch axis with unsqueeze(0)?" : ""}`,
    );
  if (ws.length !== 4)
    throw new TensorError("conv2d", `the weight has shape ${formatShape(ws)}, expected [out, in/groups, kh, kw].`);
  const params: ConvParams = {
    stride: pair("conv2d", "stride", stride, 1),
    padding: pair("conv2d", "padding", padding, 0),
    dilation: pair("conv2d", "dilation", dilation, 1),
    groups,
  };
  if (!Number.isInteger(groups) || groups < 1 || xs[1]! % groups !== 0 || ws[0]! % groups !== 0) {
    throw new TensorError("conv2d", `groups ${groups} divides not both ${xs[1]} input and ${ws[0]} output channels.`);
  }
  if (ws[1]! * groups !== xs[1]) {
    throw new TensorError(
      "conv2d",
      `the input has ${xs[1]} channels, the weight ${formatShape(ws)} with groups ${groups} expects ${ws[1]! * groups}. Is the input [N, C, H, W]?`,
    );
  }
  const size = [0, 1].map((i) =>
    windowCount(xs[2 + i]!, ws[2 + i]!, params.stride[i]!, params.padding[i]!, params.dilation[i]!),
  );
  if (size.some((s) => s < 1)) {
    throw new TensorError(
      "conv2d",
      `a kernel ${formatShape(ws.slice(2))} does not fit an image ${formatShape(xs.slice(2))} with padding ${formatShape(params.padding)}. Add padding?`,
    );
  }
  return make("conv2d", [image, w], params, [xs[0]!, ws[0]!, ...size], specOf(w).dtype);
}

/** The gradient of conv2d with respect to its input, of shape `inputShape`. */
export function conv2dInput(dy: Tensor, weight: Tensor, inputShape: Shape, params: ConvParams): Tensor {
  const [g, w] = operands("conv2dInput", ["the gradient", dy], ["the weight", weight]);
  return make("conv2dInput", [g, w], params, inputShape, specOf(w).dtype);
}

/** The gradient of conv2d with respect to its weight, of shape `weightShape`. */
export function conv2dWeight(x: Tensor, dy: Tensor, weightShape: Shape, params: ConvParams): Tensor {
  const [image, g] = operands("conv2dWeight", ["the input", x], ["the gradient", dy]);
  return make("conv2dWeight", [image, g], params, weightShape, specOf(g).dtype);
}

function pool(op: string, kind: "max" | "avg", x: TensorLike, kernel: Pair, options: PoolOptions): Tensor {
  const { stride = kernel, padding = 0, countIncludePad = true } = options;
  const image = float(op, x);
  const { shape, dtype } = specOf(image);
  if (shape.length !== 4)
    throw new TensorError(op, `the input has shape ${formatShape(shape)}, expected [N, C, H, W].`);
  const params: PoolParams = {
    kind,
    kernel: pair(op, "kernel", kernel, 1),
    stride: pair(op, "stride", stride, 1),
    padding: pair(op, "padding", padding, 0),
    countIncludePad,
  };
  if (params.padding.some((p, i) => p > params.kernel[i]! / 2)) {
    throw new TensorError(
      op,
      `padding ${formatShape(params.padding)} is more than half of the kernel ${formatShape(params.kernel)}.`,
    );
  }
  const size = [0, 1].map((i) =>
    windowCount(shape[2 + i]!, params.kernel[i]!, params.stride[i]!, params.padding[i]!, 1),
  );
  if (size.some((s) => s < 1))
    throw new TensorError(
      op,
      `a window ${formatShape(params.kernel)} does not fit an image ${formatShape(shape.slice(2))}. Pad the image, or use a smaller window?`,
    );
  return make("pool", [image], params, [shape[0]!, shape[1]!, ...size], dtype);
}

/** The largest element of each window of images [N, C, H, W]; the first on ties gets the gradient. */
export function maxPool2d(x: TensorLike, kernel: Pair, options: PoolOptions = {}): Tensor {
  return pool("maxPool2d", "max", x, kernel, options);
}

/** The mean of each window of images [N, C, H, W]. */
export function avgPool2d(x: TensorLike, kernel: Pair, options: PoolOptions = {}): Tensor {
  return pool("avgPool2d", "avg", x, kernel, options);
}

/** The gradient of pooling with respect to its input x. */
export function poolBack(x: Tensor, dy: Tensor, params: PoolParams): Tensor {
  const { shape, dtype } = specOf(x);
  return make("poolBack", [x, cast(dy, dtype)], params, shape, dtype);
}
