import { TensorError } from "@fai/tensor";

/** Throws, naming it, when a value is no number of at least 0. */
export function checkAtLeastZero(optimizer: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0)) throw new TensorError(optimizer, `${name} is ${value}, expected a number of at least 0.`);
  }
}

/** Throws when an average would keep nothing sensible. */
export function checkBetas(optimizer: string, betas: readonly number[]): void {
  if (betas.every((beta) => beta >= 0 && beta < 1)) return;
  throw new TensorError(optimizer, `betas are [${betas.join(", ")}], expected numbers from 0 to below 1.`);
}
