import { backend, OutOfMemoryError } from "@fai/tensor";

/**
 * The error of a batch of `rows` rows; one of memory says which batch size would fit. The estimate: what a step has and asks for
 * beside parameters and their like grows with its rows, and a tenth of what is free stays free.
 */
export function adviseBatchSize(error: unknown, rows: number): unknown {
  if (!(error instanceof OutOfMemoryError)) return error;
  const { askedBytes, usedBytes, limitBytes } = error;
  const { allocatedBytes, scratchBytes } = backend().memory();
  const fits = (0.9 * rows * Math.max(0, limitBytes - allocatedBytes)) / (scratchBytes + askedBytes);
  const size = 2 ** Math.floor(Math.log2(fits));
  const advice =
    size >= 1 && size < rows
      ? `A step on a batch of ${rows} rows does not fit: set batchSize to ${size}, and accumulateGradients() for the same update from smaller batches.`
      : `A step on a batch of ${rows} rows does not fit, and smaller ones hardly would: use a smaller model or inputs, or raise budgetBytes if it is set.`;
  return new OutOfMemoryError(askedBytes, usedBytes, limitBytes, advice);
}
