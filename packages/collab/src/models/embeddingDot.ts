import type { Tensor } from "@fai/tensor";
import type { Embedding } from "@fai/tensor/nn";
import {
  type CollabArchitecture,
  CollabModel,
  factorTable,
  type Interaction,
  type RatingRange,
  squeezeInto,
} from "./interaction.js";

/** Numbers of users and items: what a table must hold. `CollabData` has them. */
export interface CollabCounts {
  readonly userCount: number;
  readonly itemCount: number;
}

/** Options of `EmbeddingDot`. */
export interface EmbeddingDotOptions {
  /** Length of a vector (50). */
  factors?: number;
  /** Squeezes ratings into a range (none). */
  range?: RatingRange;
  /** Vectors start uniform from 0 to this (0.05: 50 products of such numbers are of the size of a rating). */
  init?: number;
}

/** The rating is the dot product of the user's vector and the item's: probabilistic matrix factorization (Salakhutdinov and Mnih, 2007). */
export class EmbeddingDot extends CollabModel {
  readonly userFactors: Embedding;
  readonly itemFactors: Embedding;
  readonly range: RatingRange | undefined;
  private readonly options: EmbeddingDotOptions;

  constructor({ userCount, itemCount }: CollabCounts, { factors = 50, range, init = 0.05 }: EmbeddingDotOptions = {}) {
    super();
    this.userFactors = factorTable(userCount, factors, { low: 0, high: init });
    this.itemFactors = factorTable(itemCount, factors, { low: 0, high: init });
    this.range = range;
    this.options = { factors, init, ...(range && { range }) };
  }

  override architecture(): CollabArchitecture {
    return { type: "EmbeddingDot", options: { ...this.options } };
  }

  forward({ user, item }: Interaction): Tensor {
    return squeezeInto(this.userFactors.call(user).mul(this.itemFactors.call(item)).sum(1), this.range);
  }
}
