import { loadStateDict, stateDict } from "@fai/tensor/io";
import { loadSafetensors, saveSafetensors } from "@fai/tensor/io/node";
import type { AnyModule } from "@fai/tensor/nn";

/** Writes a model's weights and states to a safetensors file, whole or not at all. */
export async function writeWeights(model: AnyModule, path: string): Promise<void> {
  await saveSafetensors(path, await stateDict(model));
}

/** Reads weights and states from a safetensors file into a model. */
export async function readWeights(model: AnyModule, path: string): Promise<void> {
  const { tensors } = await loadSafetensors(path);
  loadStateDict(model, tensors);
}
