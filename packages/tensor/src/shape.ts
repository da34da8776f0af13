import { TensorError } from "./errors.js";

/** Dimension sizes, outermost first. */
export type Shape = readonly number[];

/** Number of elements of a shape (1 for the empty shape). */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Row-major strides (in elements) of a shape. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** `[2, 3]`: how shapes are printed in messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** True when both shapes have the same sizes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The NumPy broadcast of two shapes; throws naming `op` when sizes differ and neither is 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new TensorError(
        op,
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes ${x} and ${y} of axis ${i - rank} differ. ` +
          `Add an axis of size 1 with unsqueeze(), or reshape one of them?`,
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** `axis` counted from the front; negative axes count from the end. Throws when out of range. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= Math.max(rank, 1)) {
    const range = rank === 0 ? "a scalar has no axes" : `${-rank} to ${rank - 1}`;
    throw new TensorError(op, `axis ${axis} is out of range for ${rank} dimensions (${range}).`);
  }
  return at;
}

/** Axes counted from the front, ascending, without repeats; `undefined` means all. Throws on repeats. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((a) => normalizeAxis(op, a, rank)).sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++)
    if (list[i] === list[i - 1]) throw new TensorError(op, `axis ${list[i]} is given twice.`);
  return list;
}

/** Throws unless every size is a non-negative integer and the element count fits 2^31. */
export function checkShape(op: string, shape: Shape): void {
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0)
      throw new TensorError(op, `${formatShape(shape)} is no shape: sizes are integers of at least 0.`);
  }
  if (sizeOf(shape) >= 2 ** 31)
    throw new TensorError(op, `${formatShape(shape)} has 2^31 elements or more. Split it into batches?`);
}

/**
 * Strides that view strided data of `shape` as `target` without a copy, or undefined when only a copy can
 * (the rule of NumPy's reshape: merged dimensions must be contiguous with each other).
 */
export function reshapeStrides(shape: Shape, strides: readonly number[], target: Shape): number[] | undefined {
  const out = new Array<number>(target.length).fill(0);
  if (sizeOf(shape) === 0) return contiguousStrides(target);
  const sizes: number[] = [];
  const steps: number[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    sizes.push(shape[i]!);
    steps.push(strides[i]!);
  }
  let i = 0;
  let j = 0;
  while (i < sizes.length || j < target.length) {
    if (j < target.length && target[j] === 1) {
      out[j++] = 0;
      continue;
    }
    let from = sizes[i]!;
    let to = target[j]!;
    let iEnd = i + 1;
    let jEnd = j + 1;
    while (from !== to) {
      if (from < to) from *= sizes[iEnd++]!;
      else to *= target[jEnd++]!;
    }
    for (let k = i; k + 1 < iEnd; k++) if (steps[k] !== steps[k + 1]! * sizes[k + 1]!) return undefined;
    let step = steps[iEnd - 1]!;
    for (let k = jEnd - 1; k >= j; k--) {
      out[k] = step;
      step *= target[k]!;
    }
    i = iEnd;
    j = jEnd;
  }
  return out;
}
