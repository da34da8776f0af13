import { TensorError } from "@fai/tensor";
import type { Callback } from "../callback.js";
import type { Optimizer, OptimizerFactory } from "../optim/optimizer.js";
import type { Run } from "../run.js";
import { type Curve, combine, constant, type Schedule } from "./schedule.js";

/** One phase of a run: some epochs with their own rate, momentum and, when given, optimizer. */
export interface TrainingPhase {
  /** How long (1); fractions of an epoch are fine as long as all phases together are whole. */
  epochs?: number;
  /** The rate: a number, or a curve over the phase, as `linear(1e-3, 1e-2)` (0.01). */
  lr?: number | Curve;
  /** The momentum, likewise (0.9). */
  momentum?: number | Curve;
  /** Weight decay of all groups in this phase (the optimizer's). */
  wd?: number;
  /** Takes over with this phase; it starts afresh. The learner's unless given. */
  optimizer?: OptimizerFactory;
}

/** The schedule of phases one after another. Throws when they make no whole number of epochs. */
export function phaseSchedule(phases: readonly TrainingPhase[]): Schedule & { readonly epochs: number } {
  const lengths = phases.map(({ epochs = 1 }) => epochs);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const epochs = Math.round(total);
  if (phases.length === 0 || Math.abs(total - epochs) > 1e-9 || lengths.some((length) => !(length > 0))) {
    throw new TensorError(
      "fitPhases",
      `phases of ${lengths.join(" + ")} epochs, expected some that make a whole number.`,
    );
  }
  const joined = (pick: (phase: TrainingPhase) => number | Curve): Curve =>
    combine(
      phases.map((phase, i) => {
        const value = pick(phase);
        return [lengths[i]! / total, typeof value === "number" ? constant(value) : value] as const;
      }),
    );
  return { epochs, lr: joined(({ lr = 1e-2 }) => lr), momentum: joined(({ momentum = 0.9 }) => momentum) };
}

/** A callback that puts a fresh optimizer in place where a phase begins that has one, or a weight decay, of its own. */
export function phaseOptimizers(
  phases: readonly TrainingPhase[],
  create: (wd: number | undefined, make: OptimizerFactory | undefined) => Optimizer,
): Callback {
  const starts: number[] = [];
  let at = 0;
  for (const { epochs = 1 } of phases) {
    starts.push(at);
    at += epochs;
  }
  const phaseAt = (step: number, batches: number) =>
    starts.findLastIndex((start) => Math.round(start * batches) <= step);
  let current = -1;
  const enter = (run: Run, index: number) => {
    current = index;
    const { optimizer, wd } = phases[index]!;
    if (optimizer || wd !== undefined) run.optimizer = create(wd, optimizer);
  };
  return {
    order: -20, // before the schedule, which sets the new optimizer's rate
    name: "phaseOptimizers",
    beforeFit: () => {
      current = -1;
    },
    beforeBatch: (run) => {
      if (!run.training) return;
      const index = phaseAt(run.step, run.batches);
      if (index !== current) enter(run, index);
    },
    state: () => current,
    loadState: (index: number, run) => {
      if (index >= 0) enter(run, index);
    },
  };
}
