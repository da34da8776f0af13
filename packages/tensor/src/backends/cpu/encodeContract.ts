import type { ContractGroup, ContractOp, Group } from "../../backend.js";
import { encodeConv, encodeConvWeight } from "./encodeConv.js";
import type { Encoded } from "./encoded.js";
import { encodeMatmul } from "./encodeMatmul.js";
import { encodeCheckFinite, encodeGather, encodePool, encodeScatterAdd, encodeSort } from "./encodeRows.js";

const encoders: { [O in ContractOp]: (group: ContractGroup<O>) => Encoded } = {
  matmul: encodeMatmul,
  conv2d: encodeConv,
  conv2dInput: encodeConv,
  conv2dWeight: encodeConvWeight,
  pool: encodePool,
  poolBack: encodePool,
  gather: encodeGather,
  scatterAdd: encodeScatterAdd,
  sort: encodeSort,
  checkFinite: encodeCheckFinite,
};

/** Encodes a contraction. */
export function encodeContract(group: Extract<Group, { kind: "contract" }>): Encoded {
  return (encoders[group.op] as (group: ContractGroup) => Encoded)(group as ContractGroup);
}
