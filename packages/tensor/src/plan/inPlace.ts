import type { Draft } from "./draft.js";
import type { Expression, Stored } from "./expression.js";
import { sameElements } from "./layout.js";
import type { Span } from "./liveness.js";

/**
 * Results of map groups that take the memory of an input which nobody reads afterwards, as result -> the value whose memory it is:
 * where a group reads and writes point by point, the same elements at the same places. The spans of those inputs live on.
 */
export function takeOver(drafts: readonly Draft[], spans: Map<Stored, Span>): Map<Stored, Stored> {
  const owner = new Map<Stored, Stored>();
  const own = (stored: Stored) => owner.get(stored) ?? stored;
  const writes = new Map<Stored, number>();
  for (const draft of drafts) {
    if (draft.kind !== "contract")
      for (const { to } of draft.outputs) writes.set(to.stored, (writes.get(to.stored) ?? 0) + 1);
  }
  drafts.forEach((draft, at) => {
    if (draft.kind !== "map" || draft.commit) return;
    const loads = loadsOf(draft.outputs.map((o) => o.expression));
    const made = new Set(draft.outputs.map((o) => o.to.stored));
    const taken = new Set<Stored>();
    for (const { to } of draft.outputs) {
      const span = spans.get(to.stored);
      if (!span || writes.get(to.stored) !== 1 || !sameElements(draft.space, to, to.stored.home)) continue;
      for (const input of draft.reads) {
        const memory = own(input);
        const dying = spans.get(memory);
        const fits = input.dtype === to.stored.dtype && input.elements === to.stored.elements;
        if (!dying || dying.last !== at || !fits || taken.has(memory) || made.has(input)) continue;
        // Whoever else lies in that memory is read here, too, or was read for the last time before.
        if (!loads.every((load) => own(load.stored) !== memory || sameElements(draft.space, load, to))) continue;
        taken.add(memory);
        owner.set(to.stored, memory);
        spans.delete(to.stored);
        spans.set(memory, { ...dying, last: span.last });
        break;
      }
    }
  });
  return owner;
}

function loadsOf(expressions: readonly Expression[]): (Expression & { kind: "load" })[] {
  const found: (Expression & { kind: "load" })[] = [];
  const seen = new Set<Expression>();
  const stack = [...expressions];
  while (stack.length > 0) {
    const e = stack.pop()!;
    if (seen.has(e)) continue;
    seen.add(e);
    if (e.kind === "load") found.push(e);
    else if (e.kind === "op") stack.push(...e.inputs);
  }
  return found;
}
