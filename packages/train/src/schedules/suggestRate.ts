/** Learning rates that the losses of a finder suggest. */
export interface RateSuggestions {
  /** Two thirds into the longest decline of the loss: fastai's "valley". */
  readonly valley: number;
  /** Where the loss falls most steeply over the logarithm of the rate. */
  readonly steepest: number;
  /** A tenth of the rate with the lowest loss: the course's rule. */
  readonly tenthOfMinimum: number;
}

/** Suggests rates from at least one rate and its smoothed loss. */
export function suggestRates(lr: readonly number[], loss: readonly number[]): RateSuggestions {
  const lowest = loss.reduce((best, value, i) => (value < loss[best]! ? i : best), 0);
  return { valley: lr[valley(loss)]!, steepest: lr[steepest(lr, loss)]!, tenthOfMinimum: lr[lowest]! / 10 };
}

/** Index i at which the loss falls most from i to i + 1. */
function steepest(lr: readonly number[], loss: readonly number[]): number {
  let best = 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < lr.length; i++) {
    const slope = (loss[i + 1]! - loss[i]!) / (Math.log(lr[i + 1]!) - Math.log(lr[i]!));
    if (slope < lowest) {
      lowest = slope;
      best = i;
    }
  }
  return best;
}

/** The longest decreasing subsequence ends at `end` and has L elements: the index end - L + L / 3 + L / 6. */
function valley(loss: readonly number[]): number {
  const lengths = loss.map(() => 1);
  let end = 0;
  for (let i = 1; i < loss.length; i++) {
    for (let j = 0; j < i; j++) if (loss[i]! < loss[j]! && lengths[i]! < lengths[j]! + 1) lengths[i] = lengths[j]! + 1;
    if (lengths[end]! < lengths[i]!) end = i;
  }
  const section = lengths[end]! / 3;
  return Math.max(0, end - lengths[end]! + Math.trunc(section) + Math.trunc(section / 2));
}
