import type { Callback } from "../callback.js";
import type { EpochRow } from "../run.js";

/** What happened in a run, as plain data: pages and notebooks draw it, sockets carry it. */
export type RunEvent =
  | { readonly type: "fit"; readonly epochs: number; readonly batches: number }
  | {
      readonly type: "batch";
      readonly epoch: number;
      readonly batch: number;
      readonly progress: number;
      readonly loss: number;
      readonly lr: number;
    }
  | { readonly type: "epoch"; readonly row: EpochRow }
  | { readonly type: "end"; readonly failure: string | undefined };

/** Options of `eventStream`. */
export interface EventStreamOptions {
  /** At most one batch event in this time, in milliseconds (100). */
  everyMilliseconds?: number;
}

/** Tells a listener how a run goes: once at its start, now and then in between, after each epoch, and at the end. */
export function eventStream(
  listener: (event: RunEvent) => void,
  { everyMilliseconds = 100 }: EventStreamOptions = {},
): Callback {
  let told = Number.NEGATIVE_INFINITY;
  return {
    order: 100,
    beforeFit: ({ epochs, batches }) => listener({ type: "fit", epochs, batches }),
    afterBatch: ({ training, epoch, batch, progress, trainLoss: loss, lr }) => {
      if (!training || performance.now() - told < everyMilliseconds) return;
      told = performance.now();
      listener({ type: "batch", epoch: epoch + 1, batch: batch + 1, progress, loss, lr });
    },
    afterEpoch: (run) => {
      const row = run.history.rows[run.epoch];
      if (row) listener({ type: "epoch", row });
    },
    afterFit: ({ failure }) => {
      listener({
        type: "end",
        failure: failure === undefined ? undefined : String((failure as Error).message ?? failure),
      });
    },
  };
}
