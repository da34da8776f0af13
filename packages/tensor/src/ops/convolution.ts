import { requireDType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type ConvOptions, conv2d, conv2dInput, type Pair, pair, windowCount } from "./contract.js";
import { real, reshape, type TensorLike, toTensor } from "./convert.js";
import { stack } from "./joining.js";
import { padRaw, slice, squeeze, unsqueeze } from "./movement.js";

/** Geometry of a 1-d convolution. */
export interface Conv1dOptions {
  /** 1 */
  stride?: number;
  /** Zeros at both ends (0). */
  padding?: number;
  /** Distance between kernel taps (1). */
  dilation?: number;
  /** Channel groups that see only each other (1). */
  groups?: number;
}

/** The same geometry on an image of height 1. */
function flat({ stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv1dOptions): ConvOptions {
  return { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups };
}

function requireRank(op: string, name: string, x: Tensor, expected: string, rank: number): void {
  const { shape, dtype } = specOf(x);
  requireDType(op, name, dtype, "f32", "f16");
  if (shape.length !== rank)
    throw new TensorError(op, `${name} has shape ${formatShape(shape)}, expected ${expected}.`);
}

/** The 1-d convolution (cross-correlation) of x [N, C, L] with weight [O, C/groups, k] -> [N, O, L'], as PyTorch's conv1d. */
export function conv1d(x: TensorLike, weight: TensorLike, options: Conv1dOptions = {}): Tensor {
  const t = toTensor("conv1d", x);
  const w = toTensor("conv1d", weight);
  requireRank("conv1d", "the input", t, "[N, C, L]", 3);
  requireRank("conv1d", "the weight", w, "[out, in/groups, k]", 3);
  return squeeze(conv2d(unsqueeze(t, 2), unsqueeze(w, 2), flat(options)), 2);
}

/** Geometry of a transposed convolution. */
export interface ConvTransposeOptions extends ConvOptions {
  /** What is added to one side of the result's size (0). */
  outputPadding?: Pair;
}

/**
 * The transposed 2-d convolution of x [N, C, H, W] with weight [C, O/groups, kh, kw] -> [N, O, H', W'] with
 * H' = (H - 1) * stride - 2 * padding + dilation * (kh - 1) + outputPadding + 1, as PyTorch's conv_transpose2d.
 */
export function convTranspose2d(x: TensorLike, weight: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, outputPadding = 0 } = options;
  const op = "convTranspose2d";
  const t = toTensor(op, x);
  const w = toTensor(op, weight);
  requireRank(op, "the input", t, "[N, C, H, W]", 4);
  requireRank(op, "the weight", w, "[in, out/groups, kh, kw]", 4);
  const xs = specOf(t).shape;
  const ws = specOf(w).shape;
  if (ws[0] !== xs[1] || !Number.isInteger(groups) || groups < 1 || xs[1]! % groups !== 0) {
    throw new TensorError(
      op,
      `the input has ${xs[1]} channels, the weight ${formatShape(ws)} with groups ${groups} expects ${ws[0]}, a multiple of the groups.`,
    );
  }
  const params = {
    stride: pair(op, "stride", stride, 1),
    padding: pair(op, "padding", padding, 0),
    dilation: pair(op, "dilation", dilation, 1),
    groups,
  };
  const extra = pair(op, "outputPadding", outputPadding, 0);
  if (extra.some((e, i) => e >= Math.max(params.stride[i]!, params.dilation[i]!))) {
    throw new TensorError(op, `outputPadding ${formatShape(extra)} must be smaller than stride or dilation.`);
  }
  const size = [0, 1].map(
    (i) =>
      (xs[2 + i]! - 1) * params.stride[i]! -
      2 * params.padding[i]! +
      params.dilation[i]! * (ws[2 + i]! - 1) +
      extra[i]! +
      1,
  );
  if (size.some((s) => s < 1))
    throw new TensorError(
      op,
      `padding ${formatShape(params.padding)} leaves nothing of the result ${formatShape(size)}.`,
    );
  return conv2dInput(t, w, [xs[0]!, ws[1]! * groups, ...size], params);
}

/** Geometry of a transposed 1-d convolution. */
export interface ConvTranspose1dOptions extends Conv1dOptions {
  /** What is added to the end of the result (0). */
  outputPadding?: number;
}

/** The transposed 1-d convolution of x [N, C, L] with weight [C, O/groups, k] -> [N, O, L'], as PyTorch's conv_transpose1d. */
export function convTranspose1d(
  x: TensorLike,
  weight: TensorLike,
  { outputPadding = 0, ...options }: ConvTranspose1dOptions = {},
): Tensor {
  const t = toTensor("convTranspose1d", x);
  const w = toTensor("convTranspose1d", weight);
  requireRank("convTranspose1d", "the input", t, "[N, C, L]", 3);
  requireRank("convTranspose1d", "the weight", w, "[in, out/groups, k]", 3);
  return squeeze(
    convTranspose2d(unsqueeze(t, 2), unsqueeze(w, 2), { ...flat(options), outputPadding: [0, outputPadding] }),
    2,
  );
}

/** Geometry of unfold. */
export interface UnfoldOptions {
  /** 1 */
  stride?: Pair;
  /** Zeros around the image (0). */
  padding?: Pair;
  /** Distance between the elements of a window (1). */
  dilation?: Pair;
}

/** The windows of images [N, C, H, W] as columns [N, C * kh * kw, windows], as PyTorch's unfold (im2col). */
export function unfold(
  x: TensorLike,
  kernel: Pair,
  { stride = 1, padding = 0, dilation = 1 }: UnfoldOptions = {},
): Tensor {
  const t = real("unfold", x);
  const [kh, kw] = pair("unfold", "kernel", kernel, 1);
  const [sh, sw] = pair("unfold", "stride", stride, 1);
  const [ph, pw] = pair("unfold", "padding", padding, 0);
  const [dh, dw] = pair("unfold", "dilation", dilation, 1);
  requireRank("unfold", "the input", t, "[N, C, H, W]", 4);
  const [n, c, h, w] = specOf(t).shape as [number, number, number, number];
  const rows = windowCount(h, kh, sh, ph, dh);
  const columns = windowCount(w, kw, sw, pw, dw);
  if (rows < 1 || columns < 1)
    throw new TensorError(
      "unfold",
      `a window ${formatShape([kh, kw])} does not fit an image ${formatShape([h, w])}. Add padding?`,
    );
  const image = padRaw(t, [0, 0, ph, pw], [0, 0, ph, pw]);
  const taps: Tensor[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const top = i * dh;
      const left = j * dw;
      taps.push(
        slice(image, null, null, [top, top + (rows - 1) * sh + 1, sh], [left, left + (columns - 1) * sw + 1, sw]),
      );
    }
  }
  return reshape(stack(taps, 2), [n, c * kh * kw, rows * columns]);
}
