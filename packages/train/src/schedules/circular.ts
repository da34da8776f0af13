import { type CyclePlace, countEpochs, cyclePlaces, iterationOf } from "./cycles.js";
import type { Schedule } from "./schedule.js";
import type { CycleScheduleOptions } from "./sgdr.js";

/** Shape of a triangular cycle (0.7's use_clr). */
export interface CircularShape {
  /** The rate starts and ends at lr / div (4). */
  div?: number;
  /** The rate rises over 1 / cutDiv of the cycle (8). */
  cutDiv?: number;
  /** Momentum at the lowest and at the highest rate (not scheduled). */
  momenta?: readonly [high: number, low: number];
}

/** Shape of a triangular cycle with a tail (0.7's use_clr_beta). */
export interface CircularBetaShape {
  /** The rate starts at lr / div (10) and comes back to it before the tail, which falls to a hundredth of that. */
  div?: number;
  /** Percent of the cycle that is its tail (10). */
  pct?: number;
  /** Momentum at the lowest and at the highest rate (not scheduled). */
  momenta?: readonly [high: number, low: number];
}

/** How high the rate stands: 0 at lr / div, 1 at lr; in the tail, 1 at its start and 0 at its end. */
type Height = (place: CyclePlace) => number;

/** Up in a straight line over a short part of each cycle, down over the rest (slanted triangles, Howard and Ruder, 2018). */
export function circular(lr: number, options: CycleScheduleOptions & CircularShape): Schedule {
  const { div = 4, cutDiv = 8, momenta, ...cycles } = options;
  const height: Height = ({ at, length }) => {
    const cut = Math.floor(length / cutDiv);
    return at > cut || cut === 0 ? 1 - (at - cut) / (length - cut) : at / cut;
  };
  const curve = overCycles(cycles);
  return {
    lr: curve((place) => (lr * (1 + height(place) * (div - 1))) / div),
    ...(momenta && { momentum: curve((place) => momenta[0] + height(place) * (momenta[1] - momenta[0])) }),
  };
}

/** Up and down in two equal legs, then a tail that falls from lr / div to a hundredth of it (Smith, 2018, in its first form). */
export function circularBeta(lr: number, options: CycleScheduleOptions & CircularBetaShape): Schedule {
  const { div = 10, pct = 10, momenta, ...cycles } = options;
  const leg = (length: number) => Math.trunc((length * (1 - pct / 100)) / 2);
  const height: Height = ({ at, length }) => {
    const n = leg(length);
    if (at > 2 * n || n === 0) return 0;
    return at > n ? 1 - (at - n) / n : at / n;
  };
  const tail: Height = ({ at, length }) => Math.max(0, at - 2 * leg(length)) / (length - 2 * leg(length));
  const curve = overCycles(cycles);
  return {
    lr: curve((place) => {
      const rate = (lr * (1 + height(place) * (div - 1))) / div;
      return place.at > 2 * leg(place.length) ? rate * (1 - 0.99 * tail(place)) : rate;
    }),
    ...(momenta && { momentum: curve((place) => momenta[0] + height(place) * (momenta[1] - momenta[0])) }),
  };
}

function overCycles({ batches, ...cycles }: CycleScheduleOptions) {
  const epochs = countEpochs(cycles);
  const place = cyclePlaces(batches, cycles);
  return (value: (place: CyclePlace) => number) => (progress: number) =>
    value(place(iterationOf(progress, batches, epochs)));
}
