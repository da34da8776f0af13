import type { Tensor } from "@fai/tensor";
import type { Embedding } from "@fai/tensor/nn";
import type { CollabCounts } from "./embeddingDot.js";
import {
  type CollabArchitecture,
  CollabModel,
  factorTable,
  type Interaction,
  type RatingRange,
  squeezeInto,
} from "./interaction.js";

/** Options of `EmbeddingDotBias`. */
export interface EmbeddingDotBiasOptions {
  /** Length of a vector (50). */
  factors?: number;
  /** Squeezes ratings into a range (none); give it that of the data. */
  range?: RatingRange;
  /** Everything starts uniform within +- this (0.05, fastai's library; its lesson 5 uses 0.01). */
  init?: number;
}

/** The dot product of the user's vector and the item's, plus a number for each of them: a generous user, a good film. */
export class EmbeddingDotBias extends CollabModel {
  readonly userFactors: Embedding;
  readonly itemFactors: Embedding;
  readonly userBias: Embedding;
  override readonly itemBias: Embedding;
  readonly range: RatingRange | undefined;
  private readonly options: EmbeddingDotBiasOptions;

  constructor(
    { userCount, itemCount }: CollabCounts,
    { factors = 50, range, init = 0.05 }: EmbeddingDotBiasOptions = {},
  ) {
    super();
    const bounds = { low: -init, high: init };
    this.userFactors = factorTable(userCount, factors, bounds);
    this.itemFactors = factorTable(itemCount, factors, bounds);
    this.userBias = factorTable(userCount, 1, bounds);
    this.itemBias = factorTable(itemCount, 1, bounds);
    this.range = range;
    this.options = { factors, init, ...(range && { range }) };
  }

  override architecture(): CollabArchitecture {
    return { type: "EmbeddingDotBias", options: { ...this.options } };
  }

  forward({ user, item }: Interaction): Tensor {
    const match = this.userFactors.call(user).mul(this.itemFactors.call(item)).sum(1);
    // biases [N, 1] -> [N]
    const score = match.add(this.userBias.call(user).squeeze(1)).add(this.itemBias.call(item).squeeze(1));
    return squeezeInto(score, this.range);
  }
}
