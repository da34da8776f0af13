import { Generator, leaf, type Tensor, TensorError } from "@fai/tensor";
import type { Batch, Dataset } from "@fai/train";
import type { Interaction } from "../models/interaction.js";

/** Options of `SampledNegatives`. */
export interface SampledNegativesOptions {
  /** Rows of the users of the interactions that happened. */
  users: Int32Array;
  /** Rows of their items. */
  items: Int32Array;
  /** Number of items. */
  itemCount: number;
  /** Pairs that happened, as `user * itemCount + item`: never drawn as negatives. */
  happened: ReadonlySet<number>;
  /** Negatives drawn for each interaction. */
  negatives: number;
  seed: number;
  /** Whether each epoch draws anew (true); a validation set keeps its own. */
  fresh?: boolean;
}

/** Generators of negatives draw apart from those of shuffles. */
const domain = 0x20000;

/**
 * Implicit feedback (watched, bought, clicked): each interaction that happened is a 1, and `negatives` items that the same user
 * never met are 0s, drawn at random. A batch of n interactions has n * (1 + negatives) pairs.
 */
export class SampledNegatives implements Dataset<Interaction, Tensor> {
  readonly length: number;
  private readonly options: Required<SampledNegativesOptions>;

  /** Throws when a user has met every item, so that there is nothing to draw. */
  constructor({ fresh = true, ...options }: SampledNegativesOptions) {
    this.options = { fresh, ...options };
    this.length = options.users.length;
    const met = new Map<number, number>();
    for (const pair of options.happened) {
      const user = Math.floor(pair / options.itemCount);
      met.set(user, (met.get(user) ?? 0) + 1);
    }
    for (const user of options.users) {
      if (met.get(user)! < options.itemCount) continue;
      throw new TensorError(
        "SampledNegatives",
        `user row ${user} has met all ${options.itemCount} items: there are no negatives. Leave that user out?`,
      );
    }
  }

  batch(index: Int32Array, epoch: number): Batch<Interaction, Tensor> {
    const { users, items, negatives, fresh } = this.options;
    const width = 1 + negatives;
    const size = index.length * width;
    const [user, item, happened] = [new Int32Array(size), new Int32Array(size), new Float32Array(size)];
    for (let i = 0; i < index.length; i++) {
      const row = index[i]!;
      const at = i * width;
      user.fill(users[row]!, at, at + width);
      item[at] = items[row]!;
      happened[at] = 1;
      this.drawNegatives(row, fresh ? epoch + 1 : 0, item.subarray(at + 1, at + width));
    }
    return {
      x: { user: leaf(user, [size], "i32"), item: leaf(item, [size], "i32") },
      y: leaf(happened, [size], "f32"),
      size,
    };
  }

  /** A pure function of the row and the epoch: batches may be made in any order. */
  private drawNegatives(row: number, epoch: number, out: Int32Array): void {
    const { users, itemCount, happened, seed } = this.options;
    const generator = new Generator(seed + row * 2 ** 24, domain + epoch);
    const first = users[row]! * itemCount;
    for (let k = 0; k < out.length; k++) {
      let item: number;
      do item = generator.below(itemCount);
      while (happened.has(first + item));
      out[k] = item;
    }
  }
}
