import { TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";

/** A value by the share of the run that is done (0 to 1). */
export type Curve = (progress: number) => number;

/** Learning rate, and momentum when it is scheduled too, by the share of the run that is done. */
export interface Schedule {
  readonly lr: Curve;
  readonly momentum?: Curve;
}

/** The same value throughout. */
export function constant(value: number): Curve {
  return () => value;
}

/** From `start` to `end` in a straight line. */
export function linear(start: number, end: number): Curve {
  return (p) => start + (end - start) * p;
}

/** From `start` to `end` along half a cosine: slow, fast, slow. */
export function cosine(start: number, end: number): Curve {
  return (p) => start + ((end - start) * (1 - Math.cos(Math.PI * p))) / 2;
}

/** From `start` to `end` by equal factors. */
export function exponential(start: number, end: number): Curve {
  return (p) => start * (end / start) ** p;
}

/** From `start` to `end` along (1 - done)^power: steep at first, flat at the end for powers above 1. */
export function polynomial(start: number, end: number, power: number): Curve {
  return (p) => end + (start - end) * (1 - p) ** power;
}

/** Curves one after another, each over its share of the run; the shares add up to 1. */
export function combine(parts: readonly (readonly [share: number, curve: Curve])[]): Curve {
  const total = parts.reduce((sum, [share]) => sum + share, 0);
  if (parts.length === 0 || Math.abs(total - 1) > 1e-6 || parts.some(([share]) => !(share >= 0))) {
    throw new TensorError(
      "combine",
      `the shares ${parts.map(([share]) => share).join(" + ")} make ${total}, expected 1.`,
    );
  }
  return (progress) => {
    let from = 0;
    for (let i = 0; i < parts.length; i++) {
      const [share, curve] = parts[i]!;
      if (progress < from + share || i === parts.length - 1)
        return curve(share === 0 ? 1 : Math.min(1, (progress - from) / share));
      from += share;
    }
    return Number.NaN;
  };
}

/** Options of `oneCycle`. */
export interface OneCycleOptions {
  /** The rate starts at lr / div (25). */
  div?: number;
  /** The rate ends at lr / divFinal (1e5). */
  divFinal?: number;
  /** Share of the run in which the rate rises (0.25). */
  share?: number;
  /** Momentum at the start, at the highest rate, at the end ([0.95, 0.85, 0.95]). */
  momenta?: readonly [number, number, number];
}

/** Smith's one-cycle policy with cosine legs, as fastai's: up to `lr`, then far down, the momentum the other way round. */
export function oneCycle(
  lr: number,
  { div = 25, divFinal = 1e5, share = 0.25, momenta = [0.95, 0.85, 0.95] }: OneCycleOptions = {},
): Schedule {
  if (!(share > 0 && share < 1))
    throw new TensorError("oneCycle", `share is ${share}, expected a number between 0 and 1.`);
  const [first, low, last] = momenta;
  return {
    lr: combine([
      [share, cosine(lr / div, lr)],
      [1 - share, cosine(lr, lr / divFinal)],
    ]),
    momentum: combine([
      [share, cosine(first, low)],
      [1 - share, cosine(low, last)],
    ]),
  };
}

/** Options of `warmUp`. */
export interface WarmUpOptions {
  /** Share of the run that warms up (0.1). */
  share?: number;
  /** Where it starts, as a share of the curve's first value (0). */
  from?: number;
}

/** A straight rise to where `curve` begins, then the curve over the rest of the run (Goyal et al., 2017). */
export function warmUp(curve: Curve, { share = 0.1, from = 0 }: WarmUpOptions = {}): Curve {
  return combine([
    [share, linear(from * curve(0), curve(0))],
    [1 - share, curve],
  ]);
}

/** Options of `flatCosine`. */
export interface FlatCosineOptions {
  /** Share of the run at the full rate (0.75). */
  share?: number;
  /** The rate ends at lr / divFinal (1e5). */
  divFinal?: number;
}

/** The full rate first, then half a cosine down, as fastai's fit_flat_cos. */
export function flatCosine(lr: number, { share = 0.75, divFinal = 1e5 }: FlatCosineOptions = {}): Schedule {
  return {
    lr: combine([
      [share, constant(lr)],
      [1 - share, cosine(lr, lr / divFinal)],
    ]),
  };
}

/** A callback that sets rate and momentum before each training batch. */
export function followSchedule({ lr, momentum }: Schedule): Callback {
  return {
    order: -10,
    beforeBatch: (run) => {
      if (!run.training) return;
      run.lr = lr(run.progress);
      if (momentum) run.momentum = momentum(run.progress);
    },
  };
}
