import { Generator } from "@fai/tensor";

/** The order in which an epoch visits `length` rows: a pure function of the epoch's number. */
export type Sampler = (length: number, epoch: number) => Int32Array;

/** Shuffles draw apart from the initializers, and each epoch apart from the others. */
const domain = 0x10000;

/** The rows as they stand. */
export const sequential: Sampler = (length) => Int32Array.from({ length }, (_, i) => i);

/** The rows in an order that depends on `seed` and the epoch alone (Fisher-Yates, drawn from Philox). */
export const shuffled =
  (seed: number): Sampler =>
  (length, epoch) =>
    new Generator(seed, domain + epoch).permutation(length);
