import type { ContractOp, ContractParams } from "../backend.js";
import type { Shape } from "../shape.js";
import type { Expression, Stored, Window } from "./expression.js";
import { type Look, type Order, sameElements } from "./layout.js";

/** Where a map task writes: a look at a stored value that covers the task's space. */
export interface Destination extends Look {
  readonly stored: Stored;
}

/** A group that still takes tasks. */
export type Draft =
  | {
      kind: "map";
      space: Shape;
      spaceKey: string;
      order: Order;
      commit: boolean;
      outputs: { expression: Expression; to: Destination }[];
      reads: Set<Stored>;
      operations: number;
    }
  | {
      kind: "reduce";
      space: Shape;
      spaceKey: string;
      order: Order;
      axes: readonly number[];
      commit: false;
      outputs: { op: "sum" | "max" | "argmax"; expression: Expression; to: Destination }[];
      reads: Set<Stored>;
      operations: number;
    }
  | {
      kind: "contract";
      op: ContractOp;
      params: ContractParams[ContractOp];
      inputs: readonly Window[];
      outputs: readonly Window[];
      commit: false;
      reads: Set<Stored>;
      position: number;
    };

/** A kernel takes tasks up to these sizes. */
const limits = { operations: 48, loads: 16, outputs: 8, recent: 8 };

/** The groups of a plan in the order in which they run: first those that compute, then those that commit cells. */
export class Drafts {
  readonly computing: Draft[] = [];
  readonly committing: Draft[] = [];
  private readonly recent = new Map<string, { draft: Draft; at: number }[]>();
  private readonly fused: boolean;

  constructor(fused: boolean) {
    this.fused = fused;
  }

  /** Adds a map task to a group over the same space that runs late enough and shares an input with it, or to a new one. */
  map(space: Shape, expression: Expression, to: Destination, order: Order, commit: boolean, after = -1): void {
    const { loads, operations } = measure(expression);
    const key = `map ${space.join(",")}${commit ? " commit" : ""}`;
    const at = this.join(key, loads, operations, after, (draft) => draft.kind === "map");
    if (at) {
      const draft = at.draft as Draft & { kind: "map" };
      draft.outputs.push({ expression, to });
      this.settle(draft, at.at, loads, operations, to.stored, commit);
      return;
    }
    const draft: Draft = {
      kind: "map",
      space,
      spaceKey: key,
      order,
      commit,
      outputs: [{ expression, to }],
      reads: new Set(),
      operations: 0,
    };
    this.settle(draft, this.open(draft, key), loads, operations, to.stored, commit);
  }

  /** Adds a reduction to a group that reduces the same space over the same axes and shares an input, or to a new one. */
  reduce(
    space: Shape,
    axes: readonly number[],
    op: "sum" | "max" | "argmax",
    expression: Expression,
    to: Destination,
    order: Order,
  ): void {
    const { loads, operations } = measure(expression);
    const key = `reduce ${space.join(",")}|${axes.join(",")}`;
    const producer = latest(loads);
    const at =
      op === "argmax"
        ? undefined
        : this.join(key, loads, operations, producer, (d) => d.kind === "reduce" && d.outputs[0]!.op !== "argmax");
    if (at) {
      const draft = at.draft as Draft & { kind: "reduce" };
      draft.outputs.push({ op, expression, to });
      this.settle(draft, at.at, loads, operations, to.stored, false);
      return;
    }
    const draft: Draft = {
      kind: "reduce",
      space,
      spaceKey: key,
      order,
      axes,
      commit: false,
      outputs: [{ op, expression, to }],
      reads: new Set(),
      operations: 0,
    };
    this.settle(draft, this.open(draft, key), loads, operations, to.stored, false);
  }

  /** Adds a contraction: always a group of its own. */
  contract(
    position: number,
    op: ContractOp,
    params: ContractParams[ContractOp],
    inputs: readonly Window[],
    outputs: readonly Window[],
  ): void {
    const draft: Draft = {
      kind: "contract",
      op,
      params,
      inputs,
      outputs,
      commit: false,
      reads: new Set(inputs.map((w) => w.stored)),
      position,
    };
    const at = this.computing.push(draft) - 1;
    for (const { stored } of inputs) stored.read = true;
    for (const { stored } of outputs) {
      stored.read = true; // a contraction writes all its outputs, wanted or not: each needs memory
      stored.producer = at;
      if (stored.first < 0) stored.first = at;
    }
  }

  private open(draft: Draft, key: string): number {
    const list = draft.commit ? this.committing : this.computing;
    const at = list.push(draft) - 1;
    const recent = this.recent.get(key) ?? [];
    recent.push({ draft, at });
    if (recent.length > limits.recent) recent.shift();
    this.recent.set(key, recent);
    return at;
  }

  private join(
    key: string,
    loads: readonly LoadUse[],
    operations: number,
    after: number,
    fits: (draft: Draft) => boolean,
  ): { draft: Draft; at: number } | undefined {
    if (!this.fused) return undefined;
    const commit = key.endsWith("commit");
    const candidates = this.recent.get(key) ?? [];
    for (let i = candidates.length - 1; i >= 0; i--) {
      const { draft, at } = candidates[i]!;
      if (draft.kind === "contract" || !fits(draft) || at <= after) continue;
      if (draft.operations + operations > limits.operations || draft.outputs.length >= limits.outputs) continue;
      let shares = false;
      let fresh = 0;
      const ready = loads.every((load) => {
        const { stored } = load;
        const own = draft.outputs.filter((o) => o.to.stored === stored);
        if (own.length > 0 && stored.commits === commit && stored.producer === at) {
          shares = true;
          return draft.kind === "map" && own.some((o) => sameElements(draft.space, load, o.to));
        }
        if (draft.reads.has(stored)) shares = true;
        else fresh++;
        return stored.commits === commit ? stored.producer < at : !stored.commits;
      });
      if (ready && shares && draft.reads.size + fresh <= limits.loads) return { draft, at };
    }
    return undefined;
  }

  private settle(
    draft: Draft,
    at: number,
    loads: readonly LoadUse[],
    operations: number,
    made: Stored,
    commit: boolean,
  ): void {
    for (const { stored } of loads) {
      draft.reads.add(stored);
      if (stored.producer !== at || stored.commits !== commit) stored.read = true;
    }
    if (draft.kind !== "contract") draft.operations += operations;
    made.producer = Math.max(made.producer, at);
    if (made.first < 0) made.first = at;
    made.commits = commit;
  }
}

interface LoadUse extends Look {
  readonly stored: Stored;
}

function latest(loads: readonly LoadUse[]): number {
  return loads.reduce((at, { stored }) => Math.max(at, stored.producer), -1);
}

/** The stored values an expression loads, and how many instructions it has. */
export function measure(expression: Expression): { loads: LoadUse[]; operations: number } {
  const loads: LoadUse[] = [];
  const seen = new Set<Expression>();
  const stack = [expression];
  let operations = 0;
  while (stack.length > 0) {
    const e = stack.pop()!;
    if (seen.has(e)) continue;
    seen.add(e);
    if (e.kind === "load") loads.push(e);
    else if (e.kind === "op") {
      operations++;
      stack.push(...e.inputs);
    }
  }
  return { loads, operations };
}
