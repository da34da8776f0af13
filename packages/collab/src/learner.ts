import type { Tensor } from "@fai/tensor";
import { bceWithLogits, mse } from "@fai/tensor/nn";
import { adam, Learner, type LearnerOptions } from "@fai/train";
import type { CollabData } from "./data/collabData.js";
import { EmbeddingDotBias } from "./models/embeddingDotBias.js";
import type { CollabModel, Interaction } from "./models/interaction.js";
import { Recommender, type RecommenderOptions } from "./recommender.js";

/** Options of `collabLearner`: those of a Learner, and what makes the default model. */
export interface CollabLearnerOptions extends Partial<LearnerOptions<Interaction, Tensor, Tensor>> {
  /** The model (`EmbeddingDotBias` with ratings squeezed into the data's range). */
  model?: CollabModel;
  /** Length of the default model's vectors (50). */
  factors?: number;
  /** Weight decay of the default Adam, (2e-4). */
  weightDecay?: number;
  /** Whether the default Adam takes weight decay off the weights themselves (AdamW) and not through the gradient (false: L2, which ratings prefer). */
  decoupled?: boolean;
}

/** A Learner of ratings that can recommend. */
export class CollabLearner extends Learner<Interaction, Tensor, Tensor> {
  declare readonly data: CollabData;
  declare readonly model: CollabModel;

  /** What the model has learnt as a recommender, which needs no training code. */
  async recommender(options: RecommenderOptions = {}): Promise<Recommender> {
    return Recommender.of(this.model, this.data, options);
  }

  /** Writes the recommender to a file, for `Recommender.load`; the old file stays until the new one is whole. */
  override async savePredictor(path: string): Promise<void> {
    await (await this.recommender()).save(path);
  }
}

/**
 * A Learner of ratings: `collabLearner(data).fit(1e-2, { epochs: 3 })`. The loss is the mean squared error, for implicit feedback the
 * binary cross-entropy on scores (its predictions are probabilities).
 */
export function collabLearner(
  data: CollabData,
  { model, factors = 50, weightDecay = 2e-4, decoupled = false, ...options }: CollabLearnerOptions = {},
): CollabLearner {
  const made = model ?? new EmbeddingDotBias(data, data.implicit ? { factors } : { factors, range: data.range });
  return new CollabLearner(data, made, {
    loss: data.implicit ? bceWithLogits : mse,
    optimizer: adam({ lr: 1e-3, weightDecay, decoupled }),
    ...options,
  });
}
