import type { Group, Plan } from "../../backend.js";
import { lineBytes, linesFor } from "../../memory.js";
import { mapKernels } from "./codegen/map.js";
import { reduceKernels } from "./codegen/reduce.js";
import type { Kernel } from "./kernel.js";
import type { Context, ContractRule } from "./kernels/context.js";
import { contracts } from "./kernels/contracts.js";

/** The kernels of a plan in order, and the bytes of workspace they need behind its scratch region. */
export interface Compiled {
  readonly kernels: readonly Kernel[];
  readonly workspaceBytes: number;
  /** True when a group may set the guard. */
  readonly mayFault: boolean;
}

/** Writes the kernels of a plan. */
export function compile(plan: Plan, software: boolean): Compiled {
  let workspaceBytes = 0;
  const kernels = plan.groups.flatMap((group, number) => {
    let used = 0;
    const context: Context = {
      software,
      workspace(words) {
        const at = used;
        used += linesFor(words * 4) * lineBytes;
        return at;
      },
    };
    const made = kernelsOf(group, number, plan, context);
    workspaceBytes = Math.max(workspaceBytes, used);
    return made;
  });
  const mayFault = kernels.some(({ guard }) => guard === "fault");
  return { kernels: kernels.map((kernel) => guarded(kernel, mayFault)), workspaceBytes, mayFault };
}

function kernelsOf(group: Group, number: number, plan: Plan, context: Context): Kernel[] {
  if (group.kind === "map") return mapKernels(group, plan.slots);
  if (group.kind === "reduce") return reduceKernels(group, context);
  const rule = contracts[group.op] as ContractRule<typeof group.op>;
  const made = rule(group as never, context, number);
  return group.commit ? made.map((kernel) => ({ ...kernel, guard: kernel.guard ?? "commit" })) : made;
}

/** Where nothing can set the guard, nobody need look at it; else commits start with a look. */
function guarded(kernel: Kernel, mayFault: boolean): Kernel {
  if (kernel.guard !== "commit") return kernel;
  const { guard, ...rest } = kernel;
  if (!mayFault) return rest;
  const at = kernel.code.indexOf("fn main(");
  const start = kernel.code.indexOf("{", at) + 1;
  const code = `${kernel.code.slice(0, start)}\n  if (atomicLoad(&guard[0]) != 0u) { return; }${kernel.code.slice(start)}`;
  return { ...rest, guard, code };
}
