import { TensorError } from "../errors.js";
import { leaf, specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { expand, real, reshape, type TensorLike } from "./convert.js";
import { add, mul } from "./elementwise.js";
import { take } from "./gather.js";

/** Options of interpolate: one of `size` and `scale` is given. */
export interface InterpolateOptions {
  /** Sizes of the result: one number for all axes after the channels, or one each. */
  size?: number | readonly number[];
  /** Factors of the sizes, likewise; sizes are rounded down. */
  scale?: number | readonly number[];
  /** "linear" for [N, C, L] and "bilinear" for [N, C, H, W] weigh the nearest pixels ("nearest"). */
  mode?: "nearest" | "linear" | "bilinear";
  /** Whether the centers of the corner pixels stay in place, instead of their outer edges (false). */
  alignCorners?: boolean;
}

/** x [N, C, ...sizes] resized, as PyTorch's interpolate (without antialiasing). */
export function interpolate(
  x: TensorLike,
  { size, scale, mode = "nearest", alignCorners = false }: InterpolateOptions,
): Tensor {
  const t = real("interpolate", x);
  const { shape } = specOf(t);
  const rank = shape.length - 2;
  const expected = { nearest: rank, linear: 1, bilinear: 2 }[mode];
  if (rank < 1 || rank !== expected) {
    throw new TensorError(
      "interpolate",
      `mode "${mode}" and an input ${formatShape(shape)}: expected [N, C, ${mode === "bilinear" ? "H, W" : "L"}].`,
    );
  }
  if ((size === undefined) === (scale === undefined))
    throw new TensorError("interpolate", "give one of size and scale.");
  const all = (list: number | readonly number[]) =>
    typeof list === "number" ? new Array<number>(rank).fill(list) : list;
  const given = all((size ?? scale)!);
  const sizes = size === undefined ? given.map((s, i) => Math.floor(shape[2 + i]! * s)) : given;
  if (sizes.length !== rank || sizes.some((s) => !Number.isInteger(s) || s < 1) || shape.slice(2).includes(0)) {
    throw new TensorError(
      "interpolate",
      `${formatShape(shape)} does not resize to ${formatShape(sizes)}: expected ${rank} sizes of at least 1.`,
    );
  }
  const steps = sizes.map((to, i) => (size === undefined ? 1 / given[i]! : shape[2 + i]! / to));
  if (mode === "nearest" && sizes.every((to, i) => to % shape[2 + i]! === 0 && steps[i] === shape[2 + i]! / to))
    return enlarged(t, sizes);
  return sizes.reduce((out: Tensor, to, i) => {
    const from = shape[2 + i]!;
    const step = steps[i]!;
    if (mode === "nearest") return nearestAxis(out, 2 + i, to, step);
    return linearAxis(
      out,
      2 + i,
      to,
      alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : step,
      alignCorners ? 0 : 0.5,
    );
  }, t);
}

/** Every pixel repeated as often as it fits into `sizes`. */
function enlarged(x: Tensor, sizes: readonly number[]): Tensor {
  const { shape } = specOf(x);
  const outer = shape.slice(0, 2);
  const spread = reshape(x, [...outer, ...shape.slice(2).flatMap((d) => [d, 1])]);
  return reshape(expand(spread, [...outer, ...shape.slice(2).flatMap((d, i) => [d, sizes[i]! / d])]), [
    ...outer,
    ...sizes,
  ]);
}

function nearestAxis(x: Tensor, axis: number, to: number, step: number): Tensor {
  const from = specOf(x).shape[axis]!;
  if (from === to && step === 1) return x;
  const by = Math.fround(step);
  const positions = Int32Array.from({ length: to }, (_, i) => Math.min(from - 1, Math.floor(Math.fround(i * by))));
  return take(x, leaf(positions, [to], "i32"), axis);
}

function linearAxis(x: Tensor, axis: number, to: number, step: number, center: number): Tensor {
  const from = specOf(x).shape[axis]!;
  if (from === to && step === 1) return x;
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const weight = new Float32Array(to);
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, (i + center) * step - center);
    low[i] = Math.min(from - 1, Math.floor(at));
    high[i] = Math.min(from - 1, low[i]! + 1);
    weight[i] = at - low[i]!;
  }
  const trailing = specOf(x)
    .shape.slice(axis + 1)
    .map(() => 1);
  const along = (weights: Float32Array) => leaf(weights, [to, ...trailing], "f32");
  const below = mul(take(x, leaf(low, [to], "i32"), axis), along(weight.map((w) => 1 - w)));
  return add(below, mul(take(x, leaf(high, [to], "i32"), axis), along(weight)));
}
