import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { reshape, type TensorLike, toTensor } from "./convert.js";
import { add, lt, where } from "./elementwise.js";
import { iota, zeros } from "./generate.js";
import { padRaw, permute, type Range, slice } from "./movement.js";

/** Options of functions about diagonals. */
export interface DiagonalOptions {
  /** 0 is the main diagonal, positive ones lie above it, negative ones below (0). */
  offset?: number;
}

/** Where column < row + beyond, as bool [m, n]. */
function belowDiagonal(op: string, x: Tensor, offset: number): Tensor {
  const { shape } = specOf(x);
  if (shape.length < 2) throw new TensorError(op, `${formatShape(shape)} is no matrix: expected [..., M, N].`);
  const [m, n] = shape.slice(-2) as [number, number];
  return lt(iota(n), add(reshape(iota(m), [m, 1]), offset));
}

/** The lower triangle of matrices x [..., M, N], with the diagonal at `offset`; zeros elsewhere. */
export function tril(x: TensorLike, { offset = 0 }: DiagonalOptions = {}): Tensor {
  const t = toTensor("tril", x);
  return where(belowDiagonal("tril", t, offset + 1), t, 0);
}

/** The upper triangle of matrices x [..., M, N], with the diagonal at `offset`; zeros elsewhere. */
export function triu(x: TensorLike, { offset = 0 }: DiagonalOptions = {}): Tensor {
  const t = toTensor("triu", x);
  return where(belowDiagonal("triu", t, offset), 0, t);
}

/** Options of diagonal. */
export interface DiagonalAxesOptions extends DiagonalOptions {
  /** The axes of the rows and columns ([0, 1]). */
  axes?: readonly [number, number];
}

/** A diagonal of x over two axes: they go, and the diagonal becomes the last axis. */
export function diagonal(
  x: TensorLike,
  { offset = 0, axes: [row, column] = [0, 1] }: DiagonalAxesOptions = {},
): Tensor {
  const t = toTensor("diagonal", x);
  const { shape } = specOf(t);
  const i = normalizeAxis("diagonal", row, shape.length);
  const j = normalizeAxis("diagonal", column, shape.length);
  if (i === j || shape.length < 2)
    throw new TensorError("diagonal", `axes ${row} and ${column} of ${formatShape(shape)} are no two axes.`);
  const others = shape.map((_, k) => k).filter((k) => k !== i && k !== j);
  const outer = others.map((k) => shape[k]!);
  const [m, n] = [shape[i]!, shape[j]!];
  const count = Math.max(0, offset >= 0 ? Math.min(m, n - offset) : Math.min(m + offset, n));
  const start = offset >= 0 ? offset : -offset * n;
  // In the flattened matrix the diagonal is a stride.
  const range: Range = count === 0 ? [0, 0] : [start, start + (count - 1) * (n + 1) + 1, n + 1];
  return slice(reshape(permute(t, [...others, i, j]), [...outer, m * n]), ...outer.map(() => null), range);
}

/** A square matrix with the vector x on a diagonal, or that diagonal of a matrix x, as PyTorch's diag. */
export function diag(x: TensorLike, { offset = 0 }: DiagonalOptions = {}): Tensor {
  const t = toTensor("diag", x);
  const { shape, dtype } = specOf(t);
  if (shape.length === 2) return diagonal(t, { offset });
  if (shape.length !== 1)
    throw new TensorError("diag", `${formatShape(shape)} is neither a vector nor a matrix. Use diagonal()?`);
  const count = shape[0]!;
  const n = count + Math.abs(offset);
  if (count === 0) return zeros([n, n], { dtype });
  const before = offset >= 0 ? offset : -offset * n;
  const after = n * n - before - ((count - 1) * (n + 1) + 1);
  return reshape(padRaw(t, [before], [after], { interior: [n] }), [n, n]);
}
