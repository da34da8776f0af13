import { leaf, type Tensor, TensorError } from "@fai/tensor";
import {
  encodePredictor,
  loadPredictor,
  type PredictorParts,
  type PredictorSource,
  savePredictor,
} from "@fai/train/predictor";
import { type Id, IdIndex } from "./idIndex.js";
import { itemMeans } from "./itemMeans.js";
import type { CollabCounts } from "./models/embeddingDot.js";
import type { CollabArchitecture, CollabModel, Interaction } from "./models/interaction.js";
import { makeModel } from "./models/makeModel.js";
import { type RecommenderState, readState, type WrittenState, writeState } from "./recommenderState.js";

const kind = "collab";

/** What a recommender remembers of the ratings that a model was trained on: `CollabData` has it all. */
export interface RatedItems {
  readonly users: IdIndex;
  readonly items: IdIndex;
  readonly userRows: Int32Array;
  readonly itemRows: Int32Array;
  readonly ratings: Float32Array;
  /** Rows that the model was trained on: means are taken over these. */
  readonly trainRows: Int32Array;
  /** Whether the model gives scores before a sigmoid. */
  readonly implicit: boolean;
}

/** Options of a recommender. */
export interface RecommenderOptions {
  /** Words about an item (genres, an author), for items that nobody has rated yet. */
  tags?: (item: Id) => readonly string[];
  /** An item's mean counts this many ratings of the overall mean as well (5), so that a single 5 makes no winner. */
  damping?: number;
}

/** Options of `Recommender.load`. */
export interface RecommenderLoadOptions {
  /** Makes the model where it is one's own; the file's weights are put into it. */
  build?: (counts: CollabCounts) => CollabModel;
}

/** An item and the rating that is expected of it. */
export interface PredictedItem {
  readonly item: Id;
  readonly rating: number;
}

/** Where a recommendation comes from: the model, or, for a user that it does not know, everybody's mean ratings. */
export type Basis = "model" | "means";

/** An item to recommend. */
export interface Recommendation extends PredictedItem {
  readonly basis: Basis;
}

/** An item like another. */
export interface SimilarItem {
  readonly item: Id;
  /** Cosine of the two vectors, -1 to 1. */
  readonly similarity: number;
}

/** Options of predictions. */
export interface PredictOptions {
  /** The side features of each item, for models that take some. */
  features?: (item: Id) => readonly number[];
}

/** Options of `recommend`. */
export interface RecommendOptions extends PredictOptions {
  /** How many (10). */
  count?: number;
  /** Whether items that the user has met may come again (false). */
  includeSeen?: boolean;
  /** Leaves items out (none). */
  filter?: (item: Id) => boolean;
  /** Items with fewer ratings are left out (0). */
  minCount?: number;
}

/** A trained model of ratings with the ids it was trained on. It trains nothing and runs in browsers. */
export class Recommender {
  readonly model: CollabModel;
  readonly users: IdIndex;
  readonly items: IdIndex;
  readonly itemCounts: readonly number[];
  /** The mean rating of each item, damped. */
  readonly itemMeans: readonly number[];
  /** The vectors of the items, one after another. */
  readonly itemFactors: Float32Array;
  /** Length of a vector. */
  readonly factors: number;
  readonly itemBias: Float32Array | undefined;
  readonly state: RecommenderState;

  private constructor(
    model: CollabModel,
    state: RecommenderState,
    tables: { factors: Float32Array; bias: Float32Array | undefined },
  ) {
    this.model = model;
    this.state = state;
    this.users = new IdIndex(state.users);
    this.items = new IdIndex(state.items);
    this.itemCounts = state.itemCounts;
    this.itemMeans = state.itemMeans;
    this.itemFactors = tables.factors;
    this.itemBias = tables.bias;
    this.factors = model.itemFactors.weight.shape[1]!;
  }

  /** A recommender of what a model was trained on. */
  static of(
    model: CollabModel,
    data: RatedItems,
    { tags, damping = 5 }: RecommenderOptions = {},
  ): Promise<Recommender> {
    const { users, items, implicit } = data;
    const seen = users.ids.map(() => new Set<number>());
    data.userRows.forEach((user, i) => {
      seen[user]!.add(data.itemRows[i]!);
    });
    const { means, counts } = itemMeans(data, damping);
    const state = {
      users: users.ids,
      items: items.ids,
      seen: seen.map((rows) => [...rows]),
      itemCounts: counts,
      itemMeans: means,
      implicit,
    };
    return Recommender.make(model, { ...state, ...(tags && { tags: items.ids.map(tags) }) });
  }

  /**
   * A recommender from its bytes, a path or an address; a model of one's own is made by `build`. Throws when the file is of something
   * else, or of another model.
   */
  static async load(source: PredictorSource, { build }: RecommenderLoadOptions = {}): Promise<Recommender> {
    const { model, preparation } = await loadPredictor<Interaction, Tensor, CollabArchitecture, WrittenState>(
      source,
      kind,
      ({ architecture, preparation: { users, items } }) => {
        const counts = { userCount: users.length, itemCount: items.length };
        return build ? build(counts) : makeModel(architecture, counts);
      },
    );
    return Recommender.make(model as CollabModel, readState(preparation));
  }

  private static async make(model: CollabModel, state: RecommenderState): Promise<Recommender> {
    for (const [what, table, ids] of [
      ["users", model.userFactors, state.users],
      ["items", model.itemFactors, state.items],
    ] as const) {
      const rows = table.weight.shape[0];
      if (rows !== ids.length)
        throw new TensorError(
          "Recommender",
          `the model has ${rows} ${what}, the ids are ${ids.length}. Was it trained on other data?`,
        );
    }
    const [factors, bias] = await Promise.all([
      model.itemFactors.weight.value.data(),
      model.itemBias?.weight.value.data(),
    ]);
    return new Recommender(model, state, { factors, bias });
  }

  /** The bytes of a predictor's file: weights, ids, what users have met, means and tags. */
  encode(): Promise<Uint8Array> {
    return encodePredictor(this.parts());
  }

  /** Writes a predictor's file (in Node); the old one stays until the new one is whole. */
  save(path: string): Promise<void> {
    return savePredictor(path, this.parts());
  }

  /** The ratings that a user is expected to give to items, in their order. Throws on an id that the model does not know. */
  async predict(user: Id, items: readonly Id[], options: PredictOptions = {}): Promise<PredictedItem[]> {
    const ratings = await this.score(
      this.users.rowOf(user),
      items.map((item) => this.items.rowOf(item)),
      options,
    );
    return items.map((item, i) => ({ item, rating: ratings[i]! }));
  }

  /**
   * The items that a user will like best, the best first; those that the user has met are left out. A user whom the model does not
   * know gets the items with the highest (damped) mean ratings, and `basis` says so.
   */
  async recommend(
    user: Id,
    { count = 10, includeSeen = false, filter = () => true, minCount = 0, features }: RecommendOptions = {},
  ): Promise<Recommendation[]> {
    const row = this.users.find(user);
    const seen = new Set(includeSeen || row === undefined ? [] : this.state.seen[row]);
    const rows = [...this.items.ids.keys()].filter(
      (item) => !seen.has(item) && this.itemCounts[item]! >= minCount && filter(this.items.ids[item]!),
    );
    const ratings =
      row === undefined
        ? rows.map((item) => this.itemMeans[item]!)
        : await this.score(row, rows, features ? { features } : {});
    const basis: Basis = row === undefined ? "means" : "model";
    return best(rows, ratings, count).map(([item, rating]) => ({ item: this.items.ids[item]!, rating, basis }));
  }

  /** The items whose vectors point the same way as this one's, the most similar first. Items with fewer ratings than `minCount` (1) are left out. */
  similarItems(item: Id, { count = 10, minCount = 1 }: { count?: number; minCount?: number } = {}): SimilarItem[] {
    return this.nearest([this.items.rowOf(item)], count, minCount);
  }

  /** For a new user who names a few items: those most similar to all of them together. */
  similarTo(
    liked: readonly Id[],
    { count = 10, minCount = 1 }: { count?: number; minCount?: number } = {},
  ): SimilarItem[] {
    if (liked.length === 0)
      throw new TensorError("similarTo", "no item is given. Use recommend() for a user about whom nothing is known.");
    return this.nearest(
      liked.map((item) => this.items.rowOf(item)),
      count,
      minCount,
    );
  }

  /**
   * The rating that a user is expected to give to an item that nobody has rated yet, from its tags: the mean of the user's expected
   * ratings of known items, weighted by the share of tags in common (Jaccard). Throws when no known item shares one.
   */
  async predictNewItem(user: Id, tags: readonly string[]): Promise<number> {
    const known = this.state.tags;
    if (!known)
      throw new TensorError(
        "predictNewItem",
        "the recommender was made without tags. Give it { tags: (item) => [...] }.",
      );
    const wanted = new Set(tags);
    const weights = known.map((words) => {
      const common = words.filter((word) => wanted.has(word)).length;
      return common / (words.length + wanted.size - common || 1);
    });
    const rows = [...weights.keys()].filter((row) => weights[row]! > 0);
    if (rows.length === 0)
      throw new TensorError("predictNewItem", `no known item has any of the tags ${tags.join(", ")}.`);
    const row = this.users.find(user);
    const ratings = row === undefined ? rows.map((item) => this.itemMeans[item]!) : await this.score(row, rows, {});
    const total = rows.reduce((sum, item) => sum + weights[item]!, 0);
    return rows.reduce((sum, item, i) => sum + weights[item]! * ratings[i]!, 0) / total;
  }

  private parts(): PredictorParts {
    const { model, state } = this;
    const activation = state.implicit ? "sigmoid" : "none";
    return { kind, model, architecture: model.architecture(), preparation: writeState(state), activation };
  }

  private async score(user: number, items: readonly number[], { features }: PredictOptions): Promise<Float32Array> {
    if (items.length === 0) return new Float32Array(0);
    const size = items.length;
    const width = features === undefined ? 0 : features(this.items.ids[items[0]!]!).length;
    const side = (give: (item: Id) => readonly number[]): Tensor =>
      leaf(Float32Array.from(items.flatMap((item) => [...give(this.items.ids[item]!)])), [size, width], "f32");
    const user_ = leaf(new Int32Array(size).fill(user), [size], "i32");
    const input = {
      user: user_,
      item: leaf(Int32Array.from(items), [size], "i32"),
      ...(features && { features: side(features) }),
    };
    const output = this.model.eval().call(input);
    return (this.state.implicit ? output.sigmoid() : output).data();
  }

  private nearest(to: readonly number[], count: number, minCount: number): SimilarItem[] {
    const { itemFactors, factors } = this;
    const vector = (row: number) => itemFactors.subarray(row * factors, (row + 1) * factors);
    const target = new Float64Array(factors);
    for (const row of to) {
      const length = norm(vector(row)) || 1;
      vector(row).forEach((x, k) => {
        target[k]! += x / length;
      });
    }
    const targetLength = norm(target) || 1;
    const rows = [...this.items.ids.keys()].filter((row) => !to.includes(row) && this.itemCounts[row]! >= minCount);
    const cosines = rows.map((row) => {
      const other = vector(row);
      return target.reduce((sum, x, k) => sum + x * other[k]!, 0) / targetLength / (norm(other) || 1);
    });
    return best(rows, cosines, count).map(([row, similarity]) => ({ item: this.items.ids[row]!, similarity }));
  }
}

function norm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  return Math.sqrt(sum);
}

/** The rows with the highest scores, ties in the order of the rows. */
function best(rows: readonly number[], scores: ArrayLike<number>, count: number): [row: number, score: number][] {
  const pairs = rows.map((row, i): [number, number] => [row, scores[i]!]);
  return pairs.sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, count);
}
