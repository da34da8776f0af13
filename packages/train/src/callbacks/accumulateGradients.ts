import { leaf, type Parameter, State, TensorError, zeros } from "@fai/tensor";
import type { Callback } from "../callback.js";

/**
 * Steps once every `count` batches, with the mean gradient of their rows: as if they were one batch, in the memory of one. What is
 * left at the end of an epoch makes a step of its own.
 */
export function accumulateGradients(count: number): Callback {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new TensorError("accumulateGradients", `count is ${count}, expected a whole number of at least 1.`);
  }
  const sums = new Map<Parameter, State>();
  let rows = 0;
  return {
    order: -50, // before gradients are clipped
    name: "accumulateGradients",
    inLrFind: true,
    beforeFit: (run) => {
      sums.clear();
      rows = 0;
      for (const parameter of run.optimizer.parameters) {
        const { shape } = parameter;
        const start = leaf(new Float32Array(parameter.value.size), shape, "f32");
        sums.set(parameter, new State(start, `sum of ${parameter.name}`));
      }
    },
    afterBackward: (run) => {
      const isFirst = rows === 0;
      rows += run.size;
      run.willStep = (run.batch + 1) % count === 0 || run.batch + 1 === run.batches;
      const parameters = run.optimizer.trainable();
      run.gradients = run.gradients.map((gradient, i) => {
        const cell = sums.get(parameters[i]!)!;
        const own = gradient.mul(run.size);
        const sum = isFirst ? own : cell.value.add(own);
        cell.set(run.willStep ? zeros(cell.shape) : sum);
        return run.willStep ? sum.div(rows) : gradient;
      });
      if (run.willStep) rows = 0;
    },
    state: () => rows,
    loadState: (saved: number) => {
      rows = saved;
    },
    cells: () => Object.fromEntries([...sums.values()].map((cell, i) => [String(i), cell])),
  };
}
