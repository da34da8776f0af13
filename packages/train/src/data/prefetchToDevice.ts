import { Tensor, TensorError, upload } from "@fai/tensor";
import type { BatchSource } from "../fit.js";
import type { Batch } from "./dataset.js";

/** Options of `prefetchToDevice`. */
export interface PrefetchToDeviceOptions {
  /** Batches that are sent before their turn (1); each takes its memory on the device. */
  ahead?: number;
}

/**
 * A source whose next batches are on the device before their turn: what their tensors stand on is sent while earlier steps run. Order, seed and
 * position are the source's own, so checkpoints see what the run has consumed and not what was sent.
 *
 * Without it a batch is sent with its step, which is handed over while the step before still runs. On the CPU, where sending is a copy in the
 * same memory, that hides nearly all of it, and this stage costs more than it gains: it is for devices that copy beside computing.
 */
export function prefetchToDevice<X, Y>(
  source: BatchSource<X, Y>,
  { ahead = 1 }: PrefetchToDeviceOptions = {},
): BatchSource<X, Y> {
  if (!(Number.isInteger(ahead) && ahead >= 1))
    throw new TensorError("prefetchToDevice", `ahead is ${ahead}, expected a whole number of at least 1.`);
  const { batchesFrom } = source;
  const sent = (batches: AsyncIterable<Batch<X, Y>>) => sentAhead(batches, ahead);
  return {
    get length() {
      return source.length;
    },
    get epoch() {
      return source.epoch;
    },
    set epoch(value) {
      if (value !== undefined) source.epoch = value;
    },
    get seed() {
      return source.seed;
    },
    set seed(value) {
      source.seed = value;
    },
    [Symbol.asyncIterator]: () => sent(source)[Symbol.asyncIterator](),
    ...(batchesFrom && { batchesFrom: (start: number) => sent(batchesFrom.call(source, start)) }),
  } as BatchSource<X, Y>;
}

async function* sentAhead<X, Y>(
  batches: AsyncIterable<Batch<X, Y>>,
  ahead: number,
): AsyncGenerator<Batch<X, Y>, void, void> {
  const sent: { batch: Batch<X, Y>; free: () => void }[] = [];
  /** Gives the oldest; when the next is asked for, its step has been submitted and its memory may go. */
  const give = async function* () {
    const { batch, free } = sent.shift()!;
    try {
      yield batch;
    } finally {
      free();
    }
  };
  try {
    for await (const batch of batches) {
      sent.push({ batch, free: upload(...tensorsOf(batch.x), ...tensorsOf(batch.y)) });
      if (sent.length > ahead) yield* give();
    }
    while (sent.length > 0) yield* give();
  } finally {
    for (const { free } of sent) free();
  }
}

/** The tensors of a batch's part: one, or the fields of a record. */
function tensorsOf(part: unknown): Tensor[] {
  if (part instanceof Tensor) return [part];
  if (typeof part !== "object" || part === null) return [];
  return Object.values(part).flatMap(tensorsOf);
}
