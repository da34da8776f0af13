import { type Cycles, countEpochs, cyclePlaces, iterationOf } from "./cycles.js";
import type { Schedule } from "./schedule.js";

/** Options of schedules in cycles. */
export interface CycleScheduleOptions extends Cycles {
  /** Training batches of an epoch. */
  batches: number;
}

/**
 * SGDR (Loshchilov and Hutter, 2017) as the course has it: in each cycle the rate falls from `lr` to 0 along half a cosine. The
 * first twentieth of the first cycle runs at lr / 100 instead, to settle the weights.
 */
export function sgdr(lr: number, { batches, ...cycles }: CycleScheduleOptions): Schedule {
  const epochs = countEpochs(cycles);
  const place = cyclePlaces(batches, cycles);
  const settling = place(0).length / 20;
  return {
    lr: (progress) => {
      const iteration = iterationOf(progress, batches, epochs);
      if (iteration < settling) return lr / 100;
      const { at, length } = place(iteration);
      return (lr / 2) * (Math.cos((Math.PI * at) / length) + 1);
    },
  };
}
