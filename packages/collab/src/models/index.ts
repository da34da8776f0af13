/** @fai/collab/models: the models, and recommending with them. It trains nothing and runs in browsers. */

export { type BiasRanking, biasRanking } from "../biasRanking.js";
export { type FactorComponentsOptions, type FactorPoint, factorComponents } from "../factorComponents.js";
export { type Id, IdIndex } from "../idIndex.js";
export {
  type Basis,
  type PredictedItem,
  type PredictOptions,
  type RatedItems,
  type Recommendation,
  Recommender,
  type RecommenderLoadOptions,
  type RecommenderOptions,
  type RecommendOptions,
  type SimilarItem,
} from "../recommender.js";
export type { RecommenderState } from "../recommenderState.js";
export { DotProduct } from "./dotProduct.js";
export { type CollabCounts, EmbeddingDot, type EmbeddingDotOptions } from "./embeddingDot.js";
export { EmbeddingDotBias, type EmbeddingDotBiasOptions } from "./embeddingDotBias.js";
export { EmbeddingNet, type EmbeddingNetOptions } from "./embeddingNet.js";
export { type CollabArchitecture, CollabModel, type Interaction, type RatingRange } from "./interaction.js";
