import type { ContractOp } from "../../../backend.js";
import type { Rare } from "../rare.js";
import type { ContractRule } from "./context.js";
import { conv2d } from "./conv2d.js";
import { gather } from "./gather.js";
import { matmul } from "./matmul.js";
import { pool } from "./pool.js";

/** The kernels of the contractions that predictions use, which come with the backend; an operation without a row here or in `rare` does not compile. */
export const contracts: { [O in Exclude<ContractOp, keyof Rare["contracts"]>]: ContractRule<O> } = {
  matmul,
  conv2d,
  pool,
  gather,
};
