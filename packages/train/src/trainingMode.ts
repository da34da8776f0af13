import { State } from "@fai/tensor";
import { type AnyModule, BatchNorm1d } from "@fai/tensor/nn";
import type { LayerGroups } from "./groups.js";

/** A layer with running statistics: a batch norm of the library's or of the user's. */
export function isBatchNorm(module: AnyModule): boolean {
  return (module as { runningMean?: unknown }).runningMean instanceof State;
}

/**
 * Sets a model to training, but the batch norms of frozen layers to inference, so that their running statistics stay as they
 * are; with `bnFreeze` all batch norms. `frozen` is the number of layer groups, from the first, that are frozen.
 */
export function setTrainingMode(model: AnyModule, groups: LayerGroups, frozen: number, bnFreeze: boolean): void {
  model.train();
  const inFrozen = new Set(groups.slice(0, frozen).flatMap((modules) => modules.flatMap((module) => module.modules())));
  for (const module of model.modules()) {
    if (!isBatchNorm(module)) continue;
    const parameters = module.parameters();
    const fixed = parameters.length > 0 && parameters.every(({ trainable }) => !trainable);
    if (bnFreeze || fixed || inFrozen.has(module)) module.training = false;
  }
}

/** One row has no variance: its batch norms use the running statistics. Returns what sets them back. */
export function restBatchNorms(model: AnyModule, size: number): () => void {
  if (size > 1) return () => {};
  const resting = model.modules().filter((module) => module instanceof BatchNorm1d && module.training);
  for (const module of resting) module.training = false;
  return () => {
    for (const module of resting) module.training = true;
  };
}
