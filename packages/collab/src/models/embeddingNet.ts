import { concat, type Tensor, TensorError } from "@fai/tensor";
import { Dropout, type Embedding, Linear } from "@fai/tensor/nn";
import type { CollabCounts } from "./embeddingDot.js";
import {
  type CollabArchitecture,
  CollabModel,
  factorTable,
  type Interaction,
  type RatingRange,
  squeezeInto,
} from "./interaction.js";

/** Options of `EmbeddingNet`. */
export interface EmbeddingNetOptions {
  /** Length of a user's vector (50). */
  userSize?: number;
  /** Length of an item's vector (50). */
  itemSize?: number;
  /** Number of side features in `Interaction.features` (0). */
  features?: number;
  /** Sizes of the hidden layers ([10]). */
  layers?: readonly number[];
  /** Dropout after the vectors are put together (0.05). */
  embeddingDropout?: number;
  /** Dropout after each hidden layer (0.5): one for all, or one for each. */
  dropout?: number | readonly number[];
  /** Squeezes ratings into a range (none). Half a point wider than the data's lets the network reach its ends. */
  range?: RatingRange;
  /** Vectors start uniform within +- this (0.01). */
  init?: number;
}

/**
 * The user's vector, the item's and the side features put together and sent through a network: dropout, then [Linear, ReLU,
 * dropout] for each hidden layer, then Linear to one number. Vectors need not be of one length.
 */
export class EmbeddingNet extends CollabModel {
  readonly userFactors: Embedding;
  readonly itemFactors: Embedding;
  readonly layers: readonly Linear[];
  readonly output: Linear;
  readonly dropouts: readonly Dropout[];
  readonly features: number;
  readonly range: RatingRange | undefined;
  private readonly options: EmbeddingNetOptions;

  constructor({ userCount, itemCount }: CollabCounts, options: EmbeddingNetOptions = {}) {
    super();
    const {
      userSize = 50,
      itemSize = 50,
      features = 0,
      layers = [10],
      embeddingDropout = 0.05,
      dropout = 0.5,
      range,
      init = 0.01,
    } = options;
    const rates = typeof dropout === "number" ? layers.map(() => dropout) : dropout;
    if (rates.length !== layers.length) {
      throw new TensorError(
        "EmbeddingNet",
        `${layers.length} hidden layers and ${rates.length} dropouts: give one for each, or one number for all.`,
      );
    }
    this.userFactors = factorTable(userCount, userSize, { low: -init, high: init });
    this.itemFactors = factorTable(itemCount, itemSize, { low: -init, high: init });
    const sizes = [userSize + itemSize + features, ...layers];
    this.layers = layers.map((size, i) => new Linear(sizes[i]!, size));
    this.output = new Linear(sizes.at(-1)!, 1);
    this.dropouts = [embeddingDropout, ...rates].map((rate) => new Dropout(rate));
    this.features = features;
    this.range = range;
    const filled = { userSize, itemSize, features, layers, embeddingDropout, dropout: rates, init };
    this.options = { ...filled, ...(range && { range }) };
  }

  override architecture(): CollabArchitecture {
    return { type: "EmbeddingNet", options: { ...this.options } };
  }

  forward({ user, item, features }: Interaction): Tensor {
    const width = features?.shape[1] ?? 0;
    if (width !== this.features) {
      throw new TensorError(
        "EmbeddingNet",
        `the interactions have ${width} side features, the model takes ${this.features}. Make it with { features: ${width} }?`,
      );
    }
    const parts = [this.userFactors.call(user), this.itemFactors.call(item), ...(features ? [features] : [])];
    let x = this.dropouts[0]!.call(concat(parts, 1)); // [N, userSize + itemSize + features]
    this.layers.forEach((layer, i) => {
      x = this.dropouts[i + 1]!.call(layer.call(x).relu());
    });
    return squeezeInto(this.output.call(x).squeeze(1), this.range);
  }
}
