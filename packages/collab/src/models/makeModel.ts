import { TensorError } from "@fai/tensor";
import { type CollabCounts, EmbeddingDot } from "./embeddingDot.js";
import { EmbeddingDotBias } from "./embeddingDotBias.js";
import { EmbeddingNet } from "./embeddingNet.js";
import type { CollabArchitecture, CollabModel } from "./interaction.js";

const models: Readonly<Record<string, new (counts: CollabCounts, options: object) => CollabModel>> = {
  EmbeddingDot,
  EmbeddingDotBias,
  EmbeddingNet,
};

/** A new model as a file describes it. Throws for one that is none of the package's. */
export function makeModel({ type, options }: CollabArchitecture, counts: CollabCounts): CollabModel {
  const Model = models[type];
  if (Model) return new Model(counts, options);
  throw new TensorError(
    "Recommender",
    `the file's model is none of ${Object.keys(models).join(", ")}. Say how it is made: { build: (counts) => new MyModel(counts) }.`,
  );
}
