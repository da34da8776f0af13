import { Generator, TensorError } from "@fai/tensor";

/** The order in which an epoch visits `length` rows: a pure function of the epoch's number. */
export type Sampler = (length: number, epoch: number) => Int32Array;

/** Shuffles draw apart from the initializers, and each epoch apart from the others. */
const domain = 0x10000;

/** The rows as they stand. */
export const sequential: Sampler = (length) => Int32Array.from({ length }, (_, i) => i);

/** The rows in an order that depends on `seed` and the epoch alone (Fisher-Yates, drawn from Philox). */
export const shuffled =
  (seed: number): Sampler =>
  (length, epoch) =>
    new Generator(seed, domain + epoch).permutation(length);

/** As many rows as there are, drawn with replacement by `weights` (one a row): rare classes more often (Philox, by seed and epoch). */
export function weighted(weights: ArrayLike<number>, seed: number): Sampler {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i]! >= 0))
      throw new TensorError("weighted", `weight ${i} is ${weights[i]}, expected a number of at least 0.`);
    sums[i] = total += weights[i]!;
  }
  if (!(total > 0)) throw new TensorError("weighted", "all weights are 0: no row can be drawn.");
  return (length, epoch) => {
    if (length !== weights.length) throw new TensorError("weighted", `${weights.length} weights for ${length} rows.`);
    const generator = new Generator(seed, domain + epoch);
    return Int32Array.from({ length }, () => firstAbove(sums, generator.uniform() * total));
  };
}

/** The first index whose running sum is above `value`, by halving. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
