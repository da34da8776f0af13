import type { Group, Plan } from "../backend.js";
import { formatShape } from "../shape.js";

/** A plan as text, one line a kernel: what it computes, over what, from and to which slots. */
export function explain(plan: Plan): string {
  const lines = plan.groups.map(
    (group, i) => `${String(i).padStart(3)}  ${describe(group, plan)}${group.commit ? "  (commit)" : ""}`,
  );
  const kib = (plan.scratchBytes / 1024).toFixed(1);
  return [...lines, `${plan.groups.length} kernels, ${plan.slots.length} slots, ${kib} KiB scratch`].join("\n");
}

/** A kernel as text: what it computes, over what, from and to which slots. */
export function describe(group: Group, plan: Plan): string {
  const name = (slot: number) => `${plan.slots[slot]!.kind[0]}${slot}`;
  if (group.kind === "contract") {
    const operands = (list: readonly { slot: number; shape: readonly number[] }[]) =>
      list.map((o) => `${name(o.slot)}${formatShape(o.shape)}`).join(", ");
    return `${group.label}: ${operands(group.inputs)} -> ${operands(group.outputs)}`;
  }
  const from = group.loads.filter((l) => l.kind === "memory").map((l) => name(l.slot));
  const to = (group.kind === "map" ? group.stores : group.reductions).map((s) => name(s.slot));
  const axes = group.kind === "reduce" ? ` over ${formatShape(group.dims.filter((_, i) => group.reduced[i]))}` : "";
  return `${group.label} ${formatShape(group.dims)}${axes}: ${[...new Set(from)].join(", ")} -> ${to.join(", ")}`;
}
