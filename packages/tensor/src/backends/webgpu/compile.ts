import type { ContractGroup, ContractOp, Group, Plan, Slot } from "../../backend.js";
import { TensorError } from "../../errors.js";
import { lineBytes, linesFor } from "../../memory.js";
import { mapKernels } from "./codegen/map.js";
import { reduceKernels } from "./codegen/reduce.js";
import type { Kernel, Place } from "./kernel.js";
import type { Context, ContractRule } from "./kernels/context.js";
import { contracts } from "./kernels/contracts.js";
import { bindingAlignment, type Limits } from "./limits.js";
import { rare, withRare } from "./onDemand.js";
import type { Rare } from "./rare.js";
import type { Windows } from "./split/windows.js";

/** The kernels of a plan in order, and the bytes of workspace they need behind its scratch region. */
export interface Compiled {
  readonly kernels: readonly Kernel[];
  /** By kernel: the group of the plan that it is part of. */
  readonly groups: readonly number[];
  readonly workspaceBytes: number;
  /** True when a group may set the guard. */
  readonly mayFault: boolean;
}

/** What the kernels of a plan are written for. */
export interface Target {
  readonly software: boolean;
  readonly subgroups: boolean;
  readonly limits: Limits;
}

/**
 * Writes the kernels of a plan; the first plan that trains, sorts, computes with halves, or is above the limits has to wait for the code. Throws when a
 * group cannot be cut to what the device takes.
 */
export function compile(plan: Plan, target: Target): Compiled | Promise<Compiled> {
  return withRare(() => write(plan, target));
}

function write(plan: Plan, { software, subgroups, limits }: Target): Compiled {
  const most = limits.bindingBytes - bindingAlignment;
  const large = plan.slots.some(({ bytes }) => bytes > most);
  let workspaceBytes = 0;
  const groups: number[] = [];
  // Windows on slots and workspaces, where something is cut.
  let windows: Windows | undefined;
  const cutting = () => (windows ??= new (rare().Windows)(plan.slots));
  const kernels = plan.groups.flatMap((group, number) => {
    // By start, in bytes: what the group's parts or their kernels asked for.
    const sizes = new Map<number, number>();
    let used = 0;
    const workspace = (words: number) => {
      const at = used;
      sizes.set(at, words * 4);
      used += linesFor(words * 4) * lineBytes;
      workspaceBytes = Math.max(workspaceBytes, used);
      return at;
    };
    const context: Context = { software, subgroups, workspace };
    const placeOf = (place: Place): Place =>
      "slot" in place
        ? { ...(windows?.placeOf(place.slot) ?? place), ...(place.half && { half: true }) }
        : { ...place, bytes: sizes.get(place.workspace)! };
    const writePart = (part: Group): Kernel[] => {
      const before = used;
      const made = kernelsOf(part, number, windows?.slots ?? plan.slots, context);
      // The shaders of halves are assembled later: their code is asked for here.
      if (made.some(({ places }) => places.some(({ half }) => half))) rare();
      const tooMany = made.find(({ grid }) => Math.max(...grid) > limits.workgroups);
      if (tooMany) {
        used = before;
        return (rare().halved(part, cutting()) ?? refuse(tooMany, limits)).flatMap(writePart);
      }
      const placed = made.map((kernel) => ({ ...kernel, places: kernel.places.map((place) => placeOf(place)) }));
      // Parts follow each other and may use the same workspace.
      used = before;
      return placed;
    };
    const parts = large ? rare().fit(group, { windows: cutting(), limits, workspace }) : [group];
    const made = parts.flatMap(writePart);
    for (const _ of made) groups.push(number);
    return made;
  });
  const mayFault = kernels.some(({ guard }) => guard === "fault");
  return { kernels: kernels.map((kernel) => guarded(kernel, mayFault)), groups, workspaceBytes, mayFault };
}

function refuse({ label, grid }: Kernel, { workgroups }: Limits): never {
  throw new TensorError(
    "webgpu",
    `${label} would take ${grid.join(" x ")} workgroups, this device runs ${workgroups} in each dimension. Use a smaller batch, or split the tensor?`,
  );
}

function kernelsOf(group: Group, number: number, slots: readonly Slot[], context: Context): Kernel[] {
  if (group.kind === "map") return mapKernels(group, slots);
  if (group.kind === "reduce") return reduceKernels(group, context);
  const made = contractKernels(group, number, context);
  return group.commit ? made.map((kernel) => ({ ...kernel, guard: kernel.guard ?? "commit" })) : made;
}

function contractKernels(group: ContractGroup, number: number, context: Context): Kernel[] {
  const rule = (
    group.op in contracts
      ? contracts[group.op as keyof typeof contracts]
      : rare().contracts[group.op as keyof Rare["contracts"]]
  ) as ContractRule<ContractOp>;
  const hasHalves = [...group.inputs, ...group.outputs].some(({ dtype }) => dtype === "f16");
  return hasHalves ? rare().halfContract(group, number, context, rule) : rule(group, context, number);
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
