/** @fai/collab: who will like what. Ratings in, recommendations out; @fai/collab/models only predicts. */

export { type BiasRanking, biasRanking } from "./biasRanking.js";
export { type CollabCsvOptions, CollabData, type CollabDataOptions } from "./data/collabData.js";
export type { NamedColumns, RatingsTable } from "./data/ratingsTable.js";
export { SampledNegatives, type SampledNegativesOptions } from "./data/sampledNegatives.js";
export { type FactorComponentsOptions, type FactorPoint, factorComponents } from "./factorComponents.js";
export { type Id, IdIndex } from "./idIndex.js";
export { CollabLearner, type CollabLearnerOptions, collabLearner } from "./learner.js";
export { DotProduct } from "./models/dotProduct.js";
export { type CollabCounts, EmbeddingDot, type EmbeddingDotOptions } from "./models/embeddingDot.js";
export { EmbeddingDotBias, type EmbeddingDotBiasOptions } from "./models/embeddingDotBias.js";
export { EmbeddingNet, type EmbeddingNetOptions } from "./models/embeddingNet.js";
export { type CollabArchitecture, CollabModel, type Interaction, type RatingRange } from "./models/interaction.js";
export {
  type Basis,
  type PredictedItem,
  type RatedItems,
  type Recommendation,
  Recommender,
  type RecommenderLoadOptions,
  type RecommenderOptions,
  type RecommendOptions,
  type SimilarItem,
} from "./recommender.js";
export type { RecommenderState } from "./recommenderState.js";
