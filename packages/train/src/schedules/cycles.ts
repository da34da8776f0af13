import { TensorError } from "@fai/tensor";

/** Cycles of a run: `cycles` of them, the first `cycleLength` epochs long, each `cycleMult` times as long as the one before. */
export interface Cycles {
  /** How many (1). */
  cycles?: number;
  /** Epochs of the first (1). */
  cycleLength?: number;
  /** Growth from one to the next (1). */
  cycleMult?: number;
}

/** Where an iteration stands. */
export interface CyclePlace {
  /** 0 for the first. */
  readonly cycle: number;
  /** Iterations of this cycle before it. */
  readonly at: number;
  /** Iterations of this cycle. */
  readonly length: number;
}

/** Epochs of all cycles, rounded up: 3 of length 1 and growth 2 are 1 + 2 + 4 = 7. Throws on numbers that make no cycles. */
export function countEpochs({ cycles = 1, cycleLength = 1, cycleMult = 1 }: Cycles): number {
  if (!(Number.isInteger(cycles) && cycles >= 0)) {
    throw new TensorError("fit", `cycles is ${cycles}, expected a whole number of at least 0.`);
  }
  for (const [name, value, least] of [
    ["cycleLength", cycleLength, 0],
    ["cycleMult", cycleMult, 0],
  ] as const) {
    if (!(value > least && Number.isFinite(value))) {
      throw new TensorError("fit", `${name} is ${value}, expected a number above ${least}.`);
    }
  }
  return Math.ceil(cycleLength * growth(cycles, cycleMult) - 1e-9);
}

/** 1 + mult + mult^2 + ... of `count` terms. */
function growth(count: number, mult: number): number {
  return mult === 1 ? count : (mult ** count - 1) / (mult - 1);
}

/** Says where iterations stand in cycles of `batches` iterations an epoch. */
export function cyclePlaces(
  batches: number,
  { cycleLength = 1, cycleMult = 1 }: Cycles,
): (iteration: number) => CyclePlace {
  const start = (cycle: number) => Math.round(batches * cycleLength * growth(cycle, cycleMult));
  return (iteration) => {
    let cycle = 0;
    while (start(cycle + 1) <= iteration && start(cycle + 1) > start(cycle)) cycle++;
    return { cycle, at: iteration - start(cycle), length: Math.max(1, start(cycle + 1) - start(cycle)) };
  };
}

/** The iterations of a run of `epochs` epochs, by the share of it that is done. */
export function iterationOf(progress: number, batches: number, epochs: number): number {
  return Math.round(progress * batches * epochs);
}
