import type { Tensor } from "@fai/tensor";

/**
 * A number that the host knows, or one [] that only the device does: numbers of steps are of the second kind where the device
 * decides which steps count.
 */
export type Scalar = number | Tensor;

/** a / b. */
export function quotient(a: number, b: Scalar): Scalar {
  return typeof b === "number" ? a / b : b.recip().mul(a);
}

/** The square root. */
export function root(x: Scalar): Scalar {
  return typeof x === "number" ? Math.sqrt(x) : x.sqrt();
}

/** 1 - share^steps: what an average that keeps `share` lacks after so many steps from zero. */
export function lack(share: number, steps: Scalar): Scalar {
  if (typeof steps === "number") return 1 - share ** steps;
  return steps.mul(Math.log(share)).expm1().neg();
}

/** `first` in the first step, else `later`. */
export function firstElse(steps: Scalar, first: number, later: number): Scalar {
  if (first === later) return first;
  if (typeof steps === "number") return steps === 1 ? first : later;
  const isFirst = steps.eq(1).cast("f32");
  return isFirst.mul(first - later).add(later);
}
