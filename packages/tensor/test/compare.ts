import type { DType } from "../src/dtype.js";

/** Where two arrays differ most. */
export interface Difference {
  readonly at: number;
  readonly actual: number;
  readonly expected: number;
  /** Relative: see `compare`. */
  readonly error: number;
}

/**
 * The worst element, or undefined when all agree exactly. Whole numbers, NaN and infinities have to be equal; expected
 * f32 values are in double precision and count as infinite where f32 overflows. An f32 error is relative to the expected
 * element, or to the largest one (at most 1) where that is larger; or to the largest one but at least `floor` when given.
 */
export function compare(
  dtype: DType,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  floor?: number,
): Difference | undefined {
  if (actual.length !== expected.length) {
    return { at: -1, actual: actual.length, expected: expected.length, error: Number.POSITIVE_INFINITY };
  }
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const size = Math.abs(expected[i]!);
    if (Number.isFinite(Math.fround(size))) scale = Math.max(scale, size);
  }
  const least = floor === undefined ? Math.min(1, scale) : Math.max(floor, scale);
  let worst: Difference | undefined;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    const error = dtype === "f32" ? relative(a, e, least) : a === e ? 0 : Number.POSITIVE_INFINITY;
    if (error > (worst?.error ?? 0)) worst = { at: i, actual: a, expected: e, error };
  }
  return worst;
}

function relative(actual: number, expected: number, least: number): number {
  const [a, e] = [Math.fround(actual), Math.fround(expected)];
  if (Object.is(a, e) || a === e) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(e)) return Number.POSITIVE_INFINITY;
  return Math.abs(actual - expected) / Math.max(Math.abs(expected), least, 1e-30);
}
