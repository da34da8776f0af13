import type { Tensor } from "@fai/tensor";
import { Embedding, Module, uniform } from "@fai/tensor/nn";

/** Pairs of a user and an item, with what else is known of them. */
export interface Interaction {
  /** Rows of users, i32 [N]. */
  readonly user: Tensor;
  /** Rows of items, i32 [N]. */
  readonly item: Tensor;
  /** Side features, f32 [N, K]: genres, the time, a price. Only `EmbeddingNet` looks at them. */
  readonly features?: Tensor;
}

/** The lowest and the highest rating that a model gives. */
export type RatingRange = readonly [low: number, high: number];

/** Which of the package's models it is, and its options: plain data from which it is made again. */
export interface CollabArchitecture {
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A model of ratings: pairs in, one number [N] each out. Its tables are what interpretation reads. */
export abstract class CollabModel extends Module<Interaction, Tensor> {
  /** A vector for each user. */
  abstract readonly userFactors: Embedding;
  /** A vector for each item. */
  abstract readonly itemFactors: Embedding;
  /** A number for each item: how much it is liked by everybody, beyond taste. Undefined in models without. */
  declare readonly itemBias?: Embedding;

  /** What a predictor's file says of the model, so that it can be made again. One's own models are made by who loads them. */
  architecture(): CollabArchitecture {
    return { type: "own", options: {} };
  }
}

/** A table of `count` vectors that start uniform between `low` and `high`. */
export function factorTable(count: number, size: number, { low, high }: { low: number; high: number }): Embedding {
  const table = new Embedding(count, size);
  table.weight.load(uniform([count, size], { low, high }));
  return table;
}

/** Scores squeezed between the lowest and the highest rating by a sigmoid, so that the model need not learn the range. */
export function squeezeInto(score: Tensor, range: RatingRange | undefined): Tensor {
  if (range === undefined) return score;
  const [low, high] = range;
  return score
    .sigmoid()
    .mul(high - low)
    .add(low);
}
