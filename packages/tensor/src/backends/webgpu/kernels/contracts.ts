import type { ContractOp } from "../../../backend.js";
import type { ContractRule } from "./context.js";
import { conv2d, conv2dInput } from "./conv2d.js";
import { conv2dWeight } from "./conv2dWeight.js";
import { checkFinite } from "./faults.js";
import { gather } from "./gather.js";
import { matmul } from "./matmul.js";
import { pool, poolBack } from "./pool.js";
import { scatterAdd } from "./scatterAdd.js";
import { sort } from "./sort.js";

/** The kernels of every contraction; an operation without a row does not compile. */
export const contracts: { [O in ContractOp]: ContractRule<O> } = {
  matmul,
  conv2d,
  conv2dInput,
  conv2dWeight,
  pool,
  poolBack,
  gather,
  scatterAdd,
  sort,
  checkFinite,
};
