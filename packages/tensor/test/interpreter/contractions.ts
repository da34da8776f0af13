import type { ContractGroup, ContractOp, ContractParams, GuardReport } from "../../src/backend.js";
import type { DType } from "../../src/dtype.js";
import { type Shape, sizeOf } from "../../src/shape.js";
import { type Numbers, numbers, type ReferenceArray } from "../reference/array.js";
import * as contract from "../reference/contract.js";
import { gatherOperand, type Memory, scatterOperand } from "./memory.js";

/** What a contraction reports: everything of the guard but the group's number. */
export type Fault = Omit<GuardReport, "group">;

interface Context<O extends ContractOp> {
  readonly params: ContractParams[O];
  readonly x: readonly ReferenceArray[];
  /** The shape of output 0. */
  readonly shape: Shape;
}

const rules: { [O in ContractOp]: (context: Context<O>) => readonly Numbers[] } = {
  matmul: ({ x: [a, b] }) => [contract.matmul(a!, b!)],
  conv2d: ({ x: [x, w], shape, params }) => [contract.conv2d(x!, w!, shape, params)],
  conv2dInput: ({ x: [dy, w], shape, params }) => [contract.conv2dInput(dy!, w!, shape, params)],
  conv2dWeight: ({ x: [x, dy], shape, params }) => [contract.conv2dWeight(x!, dy!, shape, params)],
  pool: ({ x: [x], shape, params }) => [contract.pool(x!, shape, params)],
  poolBack: ({ x: [x, dy], params }) => [contract.poolBack(x!, dy!, params)],
  gather: ({ x: [x, index], params }) => [contract.gather(x!, index!, params.axis)],
  scatterAdd: ({ x: [index, source], shape, params }) => [contract.scatterAdd(index!, source!, shape, params.axis)],
  sort: ({ x: [x], params }) => contract.sort(x!, params.descending),
  checkFinite: () => [],
};

/** Runs one contraction of a plan; returns its fault when it met one, and then writes zeros. */
export function runContract(group: ContractGroup, slots: readonly Memory[]): Fault | undefined {
  requireChannelsLast(group);
  const x = group.inputs.map((operand) => {
    const data = typed(operand.dtype, gatherOperand(operand, slots));
    return { data, shape: operand.shape, dtype: operand.dtype };
  });
  const { outputs, params } = group;
  const fault = faultOf(group, x);
  const rule = rules[group.op] as (context: Context<ContractOp>) => readonly Numbers[];
  const data = fault ? [] : rule({ params, x, shape: outputs[0]?.shape ?? [] });
  outputs.forEach((operand, i) => {
    scatterOperand(operand, slots, data[i] ?? new Float64Array(sizeOf(operand.shape)));
  });
  return fault;
}

/** Throws unless images lie in memory as the kernels read them: dense, channels last. */
function requireChannelsLast({ op, inputs, outputs }: ContractGroup): void {
  const all = [...inputs, ...outputs];
  const weight: { [O in ContractOp]?: number } = { conv2d: 1, conv2dInput: 1, conv2dWeight: 2, pool: -1, poolBack: -1 };
  if (weight[op] === undefined) return;
  all.forEach(({ shape, strides }, k) => {
    const [, c, h, w] = shape as [number, number, number, number];
    const dense = [c * h * w, 1, c * w, c];
    if (k !== weight[op] && sizeOf(shape) > 0 && shape.some((d, i) => d > 1 && strides[i] !== dense[i])) {
      throw new Error(`${op}: an image [${shape}] has strides [${strides}], expected channels last`);
    }
  });
}

function faultOf({ op, params, outputs }: ContractGroup, x: readonly ReferenceArray[]): Fault | undefined {
  if (op === "checkFinite") {
    return x[0]!.data.every(Number.isFinite) ? undefined : { fault: "nonFinite", value: 0 };
  }
  if (op !== "gather" && op !== "scatterAdd") return undefined;
  const { axis } = params as { axis: number };
  const [index, size] = op === "gather" ? [x[1]!, x[0]!.shape[axis]!] : [x[0]!, outputs[0]!.shape[axis]!];
  const bad = index.data.find((at) => at < 0 || at >= size);
  return bad === undefined ? undefined : { fault: "index", value: bad };
}

function typed(dtype: DType, data: Float64Array): Numbers {
  const out = numbers(dtype, data.length);
  out.set(data);
  return out;
}
