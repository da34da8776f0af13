import type { Callback } from "../callback.js";
import type { FitPlan } from "../fitPlan.js";

/** Saves the weights at the end of each cycle as `<name>_cyc_<k>` (snapshot ensembles, Huang et al., 2017). */
export function saveCycle(name: string, plan: Pick<FitPlan, "endedCycle">): Callback {
  return {
    order: 60,
    afterBatch: async (run) => {
      if (!run.training) return;
      const cycle = plan.endedCycle(run.step);
      if (cycle !== undefined) await run.learner.save(`${name}_cyc_${cycle}`);
    },
  };
}
