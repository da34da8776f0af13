import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { expand, type TensorLike, toTensor } from "./convert.js";
import { concat, flip, padRaw, type Range, slice } from "./movement.js";

/** What stands beyond the edges: one value, the mirrored inside (without the edge), the edge itself, or the opposite side. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

/** Options of pad. */
export interface PadOptions {
  /** "constant" */
  mode?: PadMode;
  /** What "constant" fills in (0). */
  value?: number;
}

/**
 * x with more elements around its last axes, as PyTorch's pad: `padding` lists [before, after] of the last axis, then of the
 * one before it, and so on ([left, right, top, bottom] for images). Negative amounts cut (constant mode only).
 */
export function pad(
  x: TensorLike,
  padding: readonly number[],
  { mode = "constant", value = 0 }: PadOptions = {},
): Tensor {
  const t = toTensor("pad", x);
  const { shape } = specOf(t);
  if (padding.length % 2 !== 0 || padding.length > 2 * shape.length || padding.some((p) => !Number.isInteger(p))) {
    throw new TensorError(
      "pad",
      `padding ${formatShape(padding)} for ${formatShape(shape)}: expected pairs of whole numbers [before, after], the last axis first.`,
    );
  }
  const amount = (axis: number, side: 0 | 1) => padding[2 * (shape.length - 1 - axis) + side] ?? 0;
  const before = shape.map((_, i) => amount(i, 0));
  const after = shape.map((_, i) => amount(i, 1));
  if (shape.some((d, i) => d + before[i]! + after[i]! < 0)) {
    throw new TensorError("pad", `padding ${formatShape(padding)} cuts more than there is of ${formatShape(shape)}.`);
  }
  if (mode !== "constant") return shape.reduce((out: Tensor, _, i) => padAxis(out, i, before[i]!, after[i]!, mode), t);
  const cut = slice(t, ...shape.map((d, i): Range => [Math.max(0, -before[i]!), d - Math.max(0, -after[i]!)]));
  return padRaw(
    cut,
    before.map((b) => Math.max(0, b)),
    after.map((a) => Math.max(0, a)),
    { value },
  );
}

function padAxis(x: Tensor, axis: number, before: number, after: number, mode: Exclude<PadMode, "constant">): Tensor {
  if (before === 0 && after === 0) return x;
  const { shape } = specOf(x);
  const size = shape[axis]!;
  const limit = mode === "reflect" ? size - 1 : mode === "circular" ? size : size > 0 ? Number.POSITIVE_INFINITY : 0;
  if (before < 0 || after < 0 || before > limit || after > limit) {
    throw new TensorError(
      "pad",
      `mode "${mode}" cannot add ${before} and ${after} to the ${size} elements of axis ${axis}: from 0 to ${limit}.`,
    );
  }
  const part = (from: number, to: number) => slice(x, ...shape.map((_, i): Range => (i === axis ? [from, to] : null)));
  const edge = (from: number, count: number) =>
    expand(
      part(from, from + 1),
      shape.map((d, i) => (i === axis ? count : d)),
    );
  const sides: Record<typeof mode, () => [Tensor, Tensor]> = {
    reflect: () => [flip(part(1, before + 1), axis), flip(part(size - 1 - after, size - 1), axis)],
    replicate: () => [edge(0, before), edge(size - 1, after)],
    circular: () => [part(size - before, size), part(0, after)],
  };
  const [front, back] = sides[mode]();
  return concat([...(before > 0 ? [front] : []), x, ...(after > 0 ? [back] : [])], axis);
}
