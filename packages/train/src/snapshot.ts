import { type Cell, discard, leaf } from "@fai/tensor";
import type { AnyModule } from "@fai/tensor/nn";

/** Copies everything that a model holds to the host; the function that comes back puts it all back, bit for bit. */
export async function takeSnapshot(model: AnyModule): Promise<() => void> {
  discard();
  const cells: Cell[] = model.namedCells().map(([, cell]) => cell);
  // All are asked for before the first wait, so that they are of one step.
  const values = await Promise.all(cells.map((cell) => cell.committed.data()));
  const modes = model.modules().map((module) => [module, module.training] as const);
  return () => {
    discard();
    cells.forEach((cell, i) => {
      cell.load(leaf(values[i]!, cell.shape, cell.dtype));
    });
    for (const [module, training] of modes) module.training = training;
  };
}
