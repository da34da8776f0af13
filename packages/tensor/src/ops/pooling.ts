import { TensorError } from "../errors.js";
import { leaf, specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { avgPool2d, maxPool2d, type Pair, type PoolOptions, pair } from "./contract.js";
import { float, type TensorLike } from "./convert.js";
import { mul, where } from "./elementwise.js";
import { take } from "./gather.js";
import { squeeze, unsqueeze } from "./movement.js";
import { max } from "./ordering.js";
import { sum } from "./reduce.js";

/** Geometry of a 1-d pooling window. */
export interface Pool1dOptions {
  /** The kernel's size by default. */
  stride?: number;
  /** 0, at most half of the kernel. */
  padding?: number;
  /** Whether padding counts in averages (true). */
  countIncludePad?: boolean;
}

type Pool = (x: TensorLike, kernel: Pair, options: PoolOptions) => Tensor;

function pool1d(
  op: string,
  pool: Pool,
  x: TensorLike,
  kernel: number,
  { stride = kernel, padding = 0, countIncludePad = true }: Pool1dOptions,
): Tensor {
  const t = float(op, x);
  const { shape } = specOf(t);
  if (shape.length !== 3) throw new TensorError(op, `the input has shape ${formatShape(shape)}, expected [N, C, L].`);
  return squeeze(
    pool(unsqueeze(t, 2), [1, kernel], { stride: [1, stride], padding: [0, padding], countIncludePad }),
    2,
  );
}

/** The largest element of each window of x [N, C, L]; the first on ties gets the gradient. */
export const maxPool1d = (x: TensorLike, kernel: number, options: Pool1dOptions = {}): Tensor =>
  pool1d("maxPool1d", maxPool2d, x, kernel, options);

/** The mean of each window of x [N, C, L]. */
export const avgPool1d = (x: TensorLike, kernel: number, options: Pool1dOptions = {}): Tensor =>
  pool1d("avgPool1d", avgPool2d, x, kernel, options);

/** Images and the window that divides them into `size` evenly, or undefined when none does. */
function adaptive(
  op: string,
  x: TensorLike,
  size: Pair,
): { image: Tensor; out: [number, number]; kernel: [number, number] | undefined } {
  const image = float(op, x);
  const out = pair(op, "size", size, 1);
  const { shape } = specOf(image);
  if (shape.length !== 4 || shape[2] === 0 || shape[3] === 0) {
    throw new TensorError(op, `the input has shape ${formatShape(shape)}, expected [N, C, H, W] with pixels.`);
  }
  const kernel: [number, number] = [shape[2]! / out[0], shape[3]! / out[1]];
  return { image, out, kernel: kernel.every(Number.isInteger) ? kernel : undefined };
}

/**
 * The windows of an axis of `size` pixels, as PyTorch's: number i goes from floor(i * size / count) to ceil((i + 1) * size / count).
 * Positions [count * longest], shorter windows repeating their last one; lengths [count].
 */
function windows(size: number, count: number): { positions: Tensor; lengths: number[]; longest: number } {
  const starts = Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
  const lengths = starts.map((start, i) => Math.ceil(((i + 1) * size) / count) - start);
  const longest = Math.max(...lengths);
  const positions = starts.flatMap((start, i) =>
    Array.from({ length: longest }, (_, k) => start + Math.min(k, lengths[i]! - 1)),
  );
  return { positions: leaf(Int32Array.from(positions), [count, longest], "i32"), lengths, longest };
}

/** The means of size[0] x size[1] windows that cover images [N, C, H, W], uneven where the sizes do not divide. */
export function adaptiveAvgPool2d(x: TensorLike, size: Pair): Tensor {
  const { image, out, kernel } = adaptive("adaptiveAvgPool2d", x, size);
  if (kernel && out[0] === 1 && out[1] === 1)
    return mul(sum(image, [2, 3], { keepDims: true }), 1 / (kernel[0] * kernel[1]));
  if (kernel) return avgPool2d(image, kernel);
  return averageAxis(averageAxis(image, 3, out[1]), 2, out[0]);
}

function averageAxis(x: Tensor, axis: 2 | 3, count: number): Tensor {
  const { positions, lengths, longest } = windows(specOf(x).shape[axis]!, count);
  const trailing = axis === 2 ? [1] : [];
  const inside = Uint8Array.from(lengths.flatMap((n) => Array.from({ length: longest }, (_, k) => (k < n ? 1 : 0))));
  const picked = where(leaf(inside, [count, longest, ...trailing], "bool"), take(x, positions, axis), 0);
  return mul(
    sum(picked, axis + 1),
    leaf(
      Float32Array.from(lengths, (n) => 1 / n),
      [count, ...trailing],
      "f32",
    ),
  );
}

/** The largest elements of size[0] x size[1] windows that cover images [N, C, H, W], uneven where the sizes do not divide; the first on ties gets the gradient. */
export function adaptiveMaxPool2d(x: TensorLike, size: Pair): Tensor {
  const { image, out, kernel } = adaptive("adaptiveMaxPool2d", x, size);
  if (kernel) return maxPool2d(image, kernel);
  // Columns before rows: the first maximum of a window in reading order is the first of the best row.
  return largestOfAxis(largestOfAxis(image, 3, out[1]), 2, out[0]);
}

function largestOfAxis(x: Tensor, axis: number, count: number): Tensor {
  return max(take(x, windows(specOf(x).shape[axis]!, count).positions, axis), axis + 1).values;
}
