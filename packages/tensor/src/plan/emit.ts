import type { Group, Instruction, Load, Operand, Plan, Slot, Store } from "../backend.js";
import { byteSize, type DType } from "../dtype.js";
import { type Shape, sizeOf } from "../shape.js";
import type { Built } from "./build.js";
import type { Destination, Draft } from "./draft.js";
import type { Expression, Place, ScalarSource, Stored, Window } from "./expression.js";
import type { Root } from "./graph.js";
import { takeOver } from "./inPlace.js";
import { followedOrder, type Order, rowMajor, sameElements } from "./layout.js";
import { placeSpans, type Span } from "./liveness.js";
import { orderForMemory } from "./order.js";

/** What fills a bound or upload slot at submission. */
export type Binding =
  | { kind: "leaf"; position: number; index: number }
  | { kind: "result"; root: number }
  | { kind: "cell"; root: number };

/** A plan and how a submission of it is filled from a graph with its key. */
export interface Planned {
  readonly plan: Plan;
  readonly bound: readonly Binding[];
  readonly uploads: readonly Binding[];
  readonly scalars: readonly ScalarSource[];
  /** By group: the position of the node whose fault the guard reports; -1 for groups that cannot fail. */
  readonly sites: readonly number[];
}

/** Writes groups over slots: dimensions in memory order, registers numbered, scratch memory shared by values that do not live together. */
export function emit(built: Built, roots: readonly Root[]): Planned {
  const slots: Slot[] = [];
  const slotOf = new Map<Stored, number>();
  const byBinding = new Map<string, number>();
  const spans = new Map<Stored, Span>();
  const bound: Binding[] = [];
  const uploads: Binding[] = [];
  const { computing, committing } = built.drafts;
  const drafts: Draft[] = [...orderForMemory(computing), ...committing].filter(
    (d) => d.kind === "contract" || sizeOf(d.space) > 0 || d.kind === "reduce",
  );
  const groups: Group[] = [];
  const sites: number[] = [];

  drafts.forEach((draft, at) => {
    for (const stored of touched(draft)) touch(stored, at);
  });
  for (const { from } of built.copies) touch(from.stored, drafts.length);

  function touch(stored: Stored, at: number): void {
    if (stored.place.kind !== "scratch" || !stored.read) return;
    const span = spans.get(stored);
    if (span) spans.set(stored, { ...span, last: at });
    else spans.set(stored, { bytes: stored.elements * byteSize[stored.dtype], first: at, last: at, offset: 0 });
  }

  const owners = takeOver(drafts, spans);
  const scratchBytes = placeSpans([...spans.values()]);

  function bind(place: Exclude<Place, { kind: "scratch" }>, bytes: number): number {
    const binding = bindingOf(place, roots);
    const key = JSON.stringify(binding);
    const known = byBinding.get(key);
    if (known !== undefined) return known;
    const upload = place.kind === "leaf" && place.upload;
    const index = (upload ? uploads : bound).push(binding) - 1;
    const slot = slots.push({ kind: upload ? "upload" : "bound", bytes, offset: 0, index }) - 1;
    byBinding.set(key, slot);
    return slot;
  }

  function slot(stored: Stored): number {
    const known = slotOf.get(stored);
    if (known !== undefined) return known;
    const owner = owners.get(stored);
    if (owner) {
      const shared = slot(owner);
      slotOf.set(stored, shared);
      return shared;
    }
    const bytes = stored.elements * byteSize[stored.dtype];
    const at =
      stored.place.kind === "scratch"
        ? slots.push({ kind: "scratch", bytes, offset: spans.get(stored)!.offset, index: -1 }) - 1
        : bind(stored.place, bytes);
    slotOf.set(stored, at);
    return at;
  }

  const operand = (w: Window): Operand => ({
    slot: slot(w.stored),
    dtype: w.stored.dtype,
    shape: w.shape,
    strides: w.strides,
    offset: w.offset,
  });

  for (const draft of drafts) {
    sites.push(draft.kind === "contract" ? draft.position : -1);
    if (draft.kind === "contract") {
      const { op, params, inputs, outputs, commit } = draft;
      groups.push({
        kind: "contract",
        op,
        params,
        inputs: inputs.map(operand),
        outputs: outputs.map(operand),
        commit,
        label: op,
      } as Group);
      continue;
    }
    const program = new Program(draft, slot);
    const inOrder = (list: readonly number[]) => draft.order.map((a) => list[a]!);
    if (!draft.outputs.some((o) => o.to.stored.read)) {
      sites.pop();
      continue;
    }
    if (draft.kind === "map") {
      const kept = draft.outputs.filter((o) => o.to.stored.read);
      const stores = kept.map((o): Store => {
        const register = program.register(unrounded(o.expression, o.to.stored.dtype));
        return {
          register,
          slot: slot(o.to.stored),
          dtype: o.to.stored.dtype,
          strides: inOrder(o.to.strides),
          offset: o.to.offset,
        };
      });
      const { loads, instructions, renumbered } = program.finish(stores);
      groups.push({
        kind: "map",
        dims: inOrder(draft.space),
        loads,
        instructions,
        stores: renumbered,
        commit: draft.commit,
        label: program.label("map"),
      });
    } else {
      const kept = draft.outputs.filter((o) => o.to.stored.read);
      const stores = kept.map((o) => {
        const register = program.register(o.expression);
        return {
          op: o.op,
          register,
          slot: slot(o.to.stored),
          dtype: o.to.stored.dtype,
          strides: inOrder(o.to.strides),
          offset: o.to.offset,
        };
      });
      const { loads, instructions, renumbered } = program.finish(stores);
      const reduced = draft.order.map((a) => draft.axes.includes(a));
      groups.push({
        kind: "reduce",
        dims: inOrder(draft.space),
        reduced,
        loads,
        instructions,
        reductions: renumbered,
        commit: false,
        label: program.label(draft.outputs.map((o) => o.op).join("+")),
      });
    }
  }
  for (const { root, from } of built.copies) {
    groups.push(
      copyGroup(
        from,
        bind({ kind: "cell", root }, sizeOf(from.shape) * byteSize[from.stored.dtype]),
        slot(from.stored),
      ),
    );
    sites.push(-1);
  }
  return {
    plan: { groups, slots, scratchBytes, scalarCount: built.scalars.length },
    bound,
    uploads,
    scalars: built.scalars,
    sites,
  };
}

/** What a store of `dtype` takes: storing a half rounds anyway. */
function unrounded(expression: Expression, dtype: DType): Expression {
  const rounds = dtype === "f16" && expression.kind === "op" && expression.op === "toHalf";
  return rounds ? expression.inputs[0]! : expression;
}

/** A cell that the graph also reads is one slot: kernels may write it in place. */
function bindingOf(place: Exclude<Place, { kind: "scratch" }>, roots: readonly Root[]): Binding {
  if (place.kind === "leaf") return { kind: "leaf", position: place.position, index: place.index };
  const leaf = place.kind === "cell" ? roots[place.root]!.leaf : -1;
  return leaf >= 0 ? { kind: "leaf", position: leaf, index: 0 } : { ...place };
}

function touched(draft: Draft): Set<Stored> {
  const all = new Set(draft.reads);
  if (draft.kind === "contract") for (const { stored } of draft.outputs) all.add(stored);
  else for (const { to } of draft.outputs) all.add(to.stored);
  return all;
}

function copyGroup(from: Window, to: number, source: number): Group {
  const shape: Shape = from.shape;
  const load: Expression = {
    kind: "load",
    type: "i32",
    stored: from.stored,
    strides: from.strides,
    offset: from.offset,
  };
  const order = followedOrder([load], shape);
  const strides: number[] = [];
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  const inOrder = (list: readonly number[]) => order.map((a) => list[a]!);
  const { dtype } = from.stored;
  return {
    kind: "map",
    dims: inOrder(shape),
    loads: [{ kind: "memory", slot: source, dtype, strides: inOrder(from.strides), offset: from.offset }],
    instructions: [],
    stores: [{ register: 0, slot: to, dtype, strides: inOrder(strides), offset: 0 }],
    commit: true,
    label: "commit copy",
  };
}

/** The registers of one group. Loads come first: instructions are numbered behind them when all are known. */
class Program {
  private readonly order: Order;
  private readonly space: Shape;
  /** What the group itself computes. */
  private readonly own: readonly { readonly expression: Expression; readonly to: Destination }[];
  private readonly slot: (stored: Stored) => number;
  private readonly registers = new Map<Expression, number>();
  private readonly loads: Load[] = [];
  private readonly instructions: Instruction[] = [];

  constructor(draft: Exclude<Draft, { kind: "contract" }>, slot: (stored: Stored) => number) {
    this.order = draft.order.length > 0 ? draft.order : rowMajor(0);
    this.space = draft.space;
    this.own = draft.kind === "map" ? draft.outputs : [];
    this.slot = slot;
  }

  /** Loads get 0, 1, ..; instructions -1, -2, .. until `finish`. */
  register(expression: Expression): number {
    const known = this.registers.get(expression);
    if (known !== undefined) return known;
    const made = this.emit(expression);
    this.registers.set(expression, made);
    return made;
  }

  private emit(e: Expression): number {
    switch (e.kind) {
      case "load": {
        const own = this.own.find(({ to }) => to.stored === e.stored && sameElements(this.space, e, to));
        if (own) return this.register(own.expression);
        return (
          this.loads.push({
            kind: "memory",
            slot: this.slot(e.stored),
            dtype: e.stored.dtype,
            strides: this.inOrder(e.strides),
            offset: e.offset,
          }) - 1
        );
      }
      case "scalar":
        return this.loads.push({ kind: "scalar", index: e.scalar, dtype: e.type }) - 1;
      case "iota":
        return this.loads.push({ kind: "iota", strides: this.inOrder(e.strides), offset: e.offset }) - 1;
      case "op": {
        const inputs = e.inputs.map((x) => this.register(x));
        return -this.instructions.push({ op: e.op, type: e.inType, inputs });
      }
    }
  }

  private inOrder(strides: readonly number[]): number[] {
    return this.order.map((a) => strides[a]!);
  }

  finish<S extends Store>(stores: readonly S[]): { loads: Load[]; instructions: Instruction[]; renumbered: S[] } {
    const final = (register: number) => (register >= 0 ? register : this.loads.length - register - 1);
    return {
      loads: this.loads,
      instructions: this.instructions.map((i) => ({ ...i, inputs: i.inputs.map(final) })),
      renumbered: stores.map((s) => ({ ...s, register: final(s.register) })),
    };
  }

  label(kind: string): string {
    const names = this.instructions.map((i) => i.op);
    return names.length === 0 ? `${kind} copy` : `${kind} ${names.join(" ")}`;
  }
}
