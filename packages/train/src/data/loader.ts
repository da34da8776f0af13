import { hostGenerator, TensorError } from "@fai/tensor";
import type { Batch, Dataset } from "./dataset.js";
import { mapOrdered } from "./mapOrdered.js";
import { type Sampler, sequential, shuffled } from "./sampler.js";

/** Options of `DataLoader`. */
export interface DataLoaderOptions {
  /** Rows of a batch (64). */
  batchSize?: number;
  /** Whether each epoch visits the rows in a new random order (false). */
  shuffle?: boolean;
  /** Whether a last batch that is not full is left out (false). */
  dropLast?: boolean;
  /** Batches that are made ready while the model works (2); each holds its memory. */
  prefetch?: number;
  /** Seed of the shuffling; by default it is drawn, so that `manualSeed` decides it. */
  seed?: number;
  /** The order of each epoch, in place of `shuffle`: `weighted(weights, seed)`. */
  sampler?: Sampler;
}

/** The batches of a dataset: each `for await` over it is one epoch. */
export class DataLoader<X, Y> implements AsyncIterable<Batch<X, Y>> {
  readonly dataset: Dataset<X, Y>;
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Epochs begun; setting it repeats or skips their orders. */
  epoch = 0;
  readonly prefetch: number;
  /** Of the shuffling; undefined when rows come as they stand. */
  seed: number | undefined;
  private readonly sampler: Sampler | undefined;

  constructor(
    dataset: Dataset<X, Y>,
    { batchSize = 64, shuffle = false, dropLast = false, prefetch = 2, seed, sampler }: DataLoaderOptions = {},
  ) {
    if (!(Number.isInteger(batchSize) && batchSize >= 1))
      throw new TensorError("DataLoader", `batchSize is ${batchSize}, expected a whole number of at least 1.`);
    if (!(Number.isInteger(prefetch) && prefetch >= 0))
      throw new TensorError("DataLoader", `prefetch is ${prefetch}, expected a whole number of at least 0.`);
    if (dataset.length === 0) throw new TensorError("DataLoader", "the dataset has no rows.");
    if (dropLast && dataset.length < batchSize) {
      throw new TensorError(
        "DataLoader",
        `the dataset has ${dataset.length} rows, less than one batch of ${batchSize}, and dropLast leaves nothing. Use a smaller batchSize?`,
      );
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.prefetch = prefetch;
    if (sampler && shuffle)
      throw new TensorError("DataLoader", "sampler and shuffle are both given. Give one of them.");
    this.sampler = sampler;
    this.seed = shuffle ? (seed ?? hostGenerator().bits()) : undefined;
  }

  /** Batches of an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch<X, Y>, void, void> {
    return this.batchesFrom(0);
  }

  /** One epoch without its first `start` batches: how a resumed run goes on in the middle of one. */
  async *batchesFrom(start: number): AsyncGenerator<Batch<X, Y>, void, void> {
    const epoch = this.epoch++;
    const sampler = this.sampler ?? (this.seed === undefined ? sequential : shuffled(this.seed));
    const order = sampler(this.dataset.length, epoch);
    const first = start * this.batchSize;
    const parts = Array.from({ length: Math.max(0, this.length - start) }, (_, i) =>
      order.subarray(first + i * this.batchSize, first + (i + 1) * this.batchSize),
    );
    yield* mapOrdered(parts, (rows, signal) => this.dataset.batch(rows, epoch, signal), this.prefetch);
  }
}
