import { Generator, hostGenerator, TensorError } from "@fai/tensor";
import type { Batch } from "./dataset.js";

/** Options of `StreamLoader`. */
export interface StreamLoaderOptions<I, X, Y> {
  /** Batches of an epoch: it ends there, or with the stream. Schedules go by it. */
  length: number;
  /** Makes a batch of items. */
  collate: (items: readonly I[]) => { x: X; y: Y };
  /** Items of a batch (64). */
  batchSize?: number;
  /** Items held to draw from at random; 0: they come as they are (0). */
  shuffleBuffer?: number;
  /** Whether a last batch that is not full is left out (false). */
  dropLast?: boolean;
  /** Seed of the shuffling; by default it is drawn. */
  seed?: number;
}

/** Batches of a stream that need not fit into memory: `open(epoch)` begins it anew each epoch, and only a buffer of it is held. */
export class StreamLoader<I, X, Y> implements AsyncIterable<Batch<X, Y>> {
  readonly length: number;
  /** Epochs begun. */
  epoch = 0;
  seed: number;
  private readonly open: (epoch: number) => AsyncIterable<I> | Iterable<I>;
  private readonly options: StreamLoaderOptions<I, X, Y>;

  constructor(open: (epoch: number) => AsyncIterable<I> | Iterable<I>, options: StreamLoaderOptions<I, X, Y>) {
    const { length, batchSize = 64, shuffleBuffer = 0 } = options;
    for (const [name, value, least] of [
      ["length", length, 1],
      ["batchSize", batchSize, 1],
      ["shuffleBuffer", shuffleBuffer, 0],
    ] as const) {
      if (Number.isInteger(value) && value >= least) continue;
      throw new TensorError("StreamLoader", `${name} is ${value}, expected a whole number of at least ${least}.`);
    }
    this.length = length;
    this.open = open;
    this.options = options;
    this.seed = options.seed ?? hostGenerator().bits();
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch<X, Y>, void, void> {
    return this.batchesFrom(0);
  }

  /** One epoch without its first `start` batches, whose items are read and dropped. */
  async *batchesFrom(start: number): AsyncGenerator<Batch<X, Y>, void, void> {
    const { collate, batchSize = 64, dropLast = false } = this.options;
    let [made, items] = [0, [] as I[]];
    for await (const item of this.shuffled(this.epoch++)) {
      items.push(item);
      if (items.length < batchSize) continue;
      if (made++ >= start) yield { ...collate(items), size: items.length };
      items = [];
      if (made === this.length) return;
    }
    if (items.length > 0 && !dropLast && made >= start) yield { ...collate(items), size: items.length };
  }

  private async *shuffled(epoch: number): AsyncGenerator<I, void, void> {
    const { shuffleBuffer = 0 } = this.options;
    const generator = new Generator(this.seed, 0x20000 + epoch);
    const held: I[] = [];
    for await (const item of this.open(epoch)) {
      if (held.length < shuffleBuffer) {
        held.push(item);
        continue;
      }
      if (shuffleBuffer === 0) yield item;
      else {
        const at = generator.below(shuffleBuffer);
        yield held[at]!;
        held[at] = item;
      }
    }
    for (const at of generator.permutation(held.length)) yield held[at]!;
  }
}
