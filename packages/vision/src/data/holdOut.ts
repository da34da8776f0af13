import { Generator } from "@fai/tensor";

/** Splits draw apart from initializers, shuffles and augmentation. */
const domain = 0x30000;

/**
 * Holds a share of `items` out, at random but the same for the same seed and stream; both parts keep their order. Of two or
 * more items at least one is held and at least one is kept; a single one is kept.
 */
export function holdOut<T>(items: readonly T[], { share, seed, stream }: { share: number; seed: number; stream: number }): { kept: T[]; held: T[] } {
  const n = items.length;
  const count = n < 2 ? 0 : Math.min(n - 1, Math.max(1, Math.round(n * share)));
  const held = new Set(new Generator(seed, domain + stream).permutation(n).subarray(0, count));
  return { kept: items.filter((_, i) => !held.has(i)), held: items.filter((_, i) => held.has(i)) };
}
