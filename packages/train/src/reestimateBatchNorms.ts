import { discard, leaf, realize, type State } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { breathe } from "./breathe.js";
import type { BatchSource } from "./fit.js";
import { isBatchNorm } from "./trainingMode.js";

interface Norm {
  momentum: number | null;
  runningMean: State;
  runningVar: State;
  numBatchesTracked: State;
}

/** Gives batch norms the plain mean of their statistics over one pass through `batches`, as averaged weights need. */
export async function reestimateBatchNorms<X>(
  model: Module<X, unknown>,
  batches: BatchSource<X, unknown>,
): Promise<void> {
  const norms = model.modules().filter(isBatchNorm) as unknown as Norm[];
  if (norms.length === 0) return;
  discard();
  const momenta = norms.map(({ momentum }) => momentum);
  const modes = model.modules().map((module) => [module, module.training] as const);
  for (const norm of norms) {
    const { runningMean, runningVar, numBatchesTracked } = norm;
    norm.momentum = null;
    runningMean.load(leaf(new Float32Array(runningMean.value.size), runningMean.shape, "f32"));
    runningVar.load(leaf(new Float32Array(runningVar.value.size).fill(1), runningVar.shape, "f32"));
    numBatchesTracked.load(leaf(new Int32Array(1), [], "i32"));
  }
  try {
    model.train();
    for await (const { x, size } of batches) {
      if (size < 2) continue; // one row has no variance
      model.call(x);
      await realize();
      await breathe();
    }
  } finally {
    norms.forEach((norm, i) => {
      norm.momentum = momenta[i]!;
    });
    for (const [module, training] of modes) module.training = training;
  }
}
