import { TensorError } from "@fai/tensor";
import type { Id } from "./idIndex.js";
import type { Recommender } from "./recommender.js";

/** An item and its bias: how much it is liked by everybody, beyond taste. */
export interface BiasRanking {
  readonly item: Id;
  readonly bias: number;
  /** How often it was rated. */
  readonly count: number;
}

/**
 * The items by their bias, the best first; reverse it for the worst. Only those that were rated at least `minCount` times (1) take
 * part: the bias of an item that two people rated says little. Throws for a model without item biases.
 */
export function biasRanking(
  { items, itemBias, itemCounts }: Recommender,
  { minCount = 1 }: { minCount?: number } = {},
): BiasRanking[] {
  if (!itemBias) throw new TensorError("biasRanking", "the model has no item bias. Use EmbeddingDotBias?");
  return items.ids
    .map((item, row): BiasRanking => ({ item, bias: itemBias[row]!, count: itemCounts[row]! }))
    .filter(({ count }) => count >= minCount)
    .sort((a, b) => b.bias - a.bias);
}
