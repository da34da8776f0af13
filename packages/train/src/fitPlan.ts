import { TensorError } from "@fai/tensor";
import { type CircularBetaShape, type CircularShape, circular, circularBeta } from "./schedules/circular.js";
import { type Cycles, countEpochs, cyclePlaces } from "./schedules/cycles.js";
import { constant, type Schedule } from "./schedules/schedule.js";
import { sgdr } from "./schedules/sgdr.js";

/** How long a fit goes on, and along which schedule: the course's words. */
export interface FitLength extends Cycles {
  /** How often the training set is gone through (1): what `cycles` means when there is no cycleLength. */
  epochs?: number;
  /** Rate and momentum over the run, or what makes them from the run's size. Excludes cycleLength. */
  schedule?: Schedule | ((size: RunSize) => Schedule);
  /** Triangular cycles (use_clr) in place of SGDR. Needs cycleLength. */
  circular?: CircularShape | true;
  /** Triangular cycles with a tail (use_clr_beta) in place of SGDR. Needs cycleLength. */
  circularBeta?: CircularBetaShape | true;
}

/** The size of a run. */
export interface RunSize {
  /** Training batches of an epoch. */
  readonly batches: number;
  readonly epochs: number;
}

/** A fit's length and schedule, worked out. */
export interface FitPlan {
  readonly epochs: number;
  readonly schedule: Schedule;
  /** The cycle that ends with iteration `iteration` (0 for the first of the run); undefined: none does. */
  endedCycle(iteration: number): number | undefined;
}

/**
 * What `fit(lr, options)` means: with `cycleLength` cycles of SGDR (or triangles), without it epochs at a constant rate.
 * Throws on options that contradict one another.
 */
export function planFit(lr: number, options: FitLength, batches: number): FitPlan {
  const { epochs, cycles, cycleLength, cycleMult, schedule, circular: triangle, circularBeta: tailed } = options;
  if (epochs !== undefined && cycles !== undefined) refuse("epochs and cycles are both given. Give one of them.");
  if (cycleLength === undefined) {
    for (const [name, value] of Object.entries({ cycleMult, circular: triangle, circularBeta: tailed })) {
      if (value !== undefined) refuse(`${name} needs cycleLength: the epochs of the first cycle.`);
    }
    const count = epochs ?? cycles ?? 1;
    if (!(Number.isInteger(count) && count >= 0)) {
      refuse(`${cycles === undefined ? "epochs" : "cycles"} is ${count}, expected a whole number of at least 0.`);
    }
    const made = typeof schedule === "function" ? schedule({ batches, epochs: count }) : schedule;
    return { epochs: count, schedule: made ?? { lr: constant(lr) }, endedCycle: () => undefined };
  }
  if (epochs !== undefined) refuse("epochs and cycleLength are both given. Say how many cycles instead of epochs.");
  if (schedule !== undefined) refuse("schedule and cycleLength are both given. Give one of them.");
  if (triangle && tailed) refuse("circular and circularBeta are both given. Give one of them.");
  const given = { ...(cycles !== undefined && { cycles }), cycleLength, ...(cycleMult !== undefined && { cycleMult }) };
  const place = cyclePlaces(batches, given);
  const shape = { batches, ...given };
  return {
    epochs: countEpochs(given),
    schedule: triangle
      ? circular(lr, { ...shape, ...(triangle === true ? {} : triangle) })
      : tailed
        ? circularBeta(lr, { ...shape, ...(tailed === true ? {} : tailed) })
        : sgdr(lr, shape),
    endedCycle: (iteration) => {
      const { cycle, at, length } = place(iteration);
      return at === length - 1 ? cycle : undefined;
    },
  };
}

function refuse(message: string): never {
  throw new TensorError("fit", message);
}
