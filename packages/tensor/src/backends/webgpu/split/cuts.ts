import type { ContractGroup, ContractOp, ConvParams, Group, MapGroup, Operand, ReduceGroup } from "../../../backend.js";

/** A dimension along which a group may run in parts. */
export interface Cut {
  readonly size: number;
  /** True when parts do not write parts of the result but add up to it (or their maximum is it). */
  readonly partial: boolean;
  slice(from: number, to: number): Group;
}

type Move = <T extends { strides: readonly number[]; offset: number }>(it: T, d: number, from: number) => T;
const moved: Move = (it, d, from) => ({ ...it, offset: it.offset + from * it.strides[d]! });

/** The cuts of a group, those that write parts of the result first. */
export function cutsOf(group: Group): Cut[] {
  if (group.kind === "contract") return contractCuts(group);
  const sizes = group.dims.map((size, d) => ({ size, d })).filter(({ size }) => size > 1);
  const narrow = (d: number, from: number, to: number): Group => {
    const dims = group.dims.map((n, i) => (i === d ? to - from : n));
    const loads = group.loads.map((load) => (load.kind === "scalar" ? load : moved(load, d, from)));
    if (group.kind === "map")
      return { ...group, dims, loads, stores: group.stores.map((s) => moved(s, d, from)) } satisfies MapGroup;
    const reductions = group.reductions.map((r) => moved(r, d, from));
    return { ...group, dims, loads, reductions } satisfies ReduceGroup;
  };
  const all = sizes.map(({ size, d }) => ({
    size,
    partial: group.kind === "reduce" && group.reduced[d]!,
    slice: (from: number, to: number) => narrow(d, from, to),
  }));
  const positions = group.kind === "reduce" && group.reductions.some(({ op }) => op === "argmax");
  return [...all.filter(({ partial }) => !partial), ...(positions ? [] : all.filter(({ partial }) => partial))];
}

/** Dimensions of the operands (inputs, then outputs) that are cut together; -1 where an operand stays whole. */
type Together = { readonly dims: readonly number[]; readonly partial?: boolean };

function contractCuts(group: ContractGroup): Cut[] {
  const operands = [...group.inputs, ...group.outputs];
  return togetherOf(group).flatMap(({ dims, partial = false }) => {
    const sizes = operands.flatMap(({ shape }, i) => (dims[i]! < 0 ? [] : [shape[dims[i]!]!]));
    const size = Math.min(...sizes);
    // Where sizes differ (a gather that takes a part), what lies beyond the smaller one would be lost.
    const output = group.outputs[0];
    const outputDim = dims[group.inputs.length] ?? -1;
    if (size <= 1 || (output && outputDim >= 0 && output.shape[outputDim] !== size)) return [];
    const slice = (from: number, to: number): Group => {
      const narrowed = operands.map((operand, i): Operand => {
        const d = dims[i]!;
        if (d < 0) return operand;
        return { ...moved(operand, d, from), shape: operand.shape.map((n, k) => (k === d ? to - from : n)) };
      });
      const inputs = narrowed.slice(0, group.inputs.length);
      return { ...group, inputs, outputs: narrowed.slice(group.inputs.length) } as Group;
    };
    return [{ size, partial, slice }];
  });
}

const range = (n: number) => Array.from({ length: n }, (_, d) => d);

function togetherOf({ op, params, inputs }: ContractGroup): Together[] {
  const rank = inputs[0]!.shape.length;
  const all = (count: number, besides = -1) =>
    range(rank)
      .filter((d) => d !== besides)
      .map((d): Together => ({ dims: new Array(count).fill(d) }));
  // Channels of convolutions in groups belong together.
  const dense = (...cuts: Together[]) => ((params as ConvParams).groups === 1 ? cuts : []);
  const rules: { [O in ContractOp]: () => Together[] } = {
    matmul: () => [
      ...range(rank - 2).map((d) => ({ dims: [d, d, d] })),
      { dims: [rank - 2, -1, rank - 2] },
      { dims: [-1, rank - 1, rank - 1] },
      { dims: [rank - 1, rank - 2, -1], partial: true },
    ],
    conv2d: () => [{ dims: [0, -1, 0] }, ...dense({ dims: [-1, 0, 1] })],
    conv2dInput: () => [{ dims: [0, -1, 0] }, ...dense({ dims: [-1, 1, 1] })],
    conv2dWeight: () => [...dense({ dims: [-1, 1, 0] }, { dims: [1, -1, 1] }), { dims: [0, 0, -1], partial: true }],
    pool: () => [{ dims: [0, 0] }, { dims: [1, 1] }],
    poolBack: () => [{ dims: [0, 0, 0] }, { dims: [1, 1, 1] }],
    gather: () => {
      const { axis } = params as { axis: number };
      return [...all(3, axis), { dims: [-1, axis, axis] }];
    },
    scatterAdd: () => {
      const { axis } = params as { axis: number };
      return [...all(3, axis), { dims: [axis, axis, -1], partial: true }];
    },
    sort: () => all(3, rank - 1),
    checkFinite: () => all(1),
  };
  return rules[op]();
}
