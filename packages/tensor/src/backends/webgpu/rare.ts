import { halfAccessorsOf, halfContract, halvesOf } from "./halves.js";
import { checkFinite } from "./kernels/checkFinite.js";
import type { ContractRule } from "./kernels/context.js";
import { conv2dInput } from "./kernels/conv2dInput.js";
import { conv2dWeight } from "./kernels/conv2dWeight.js";
import { directConv } from "./kernels/directConv.js";
import { poolBack } from "./kernels/poolBack.js";
import { scatterAdd } from "./kernels/scatterAdd.js";
import { sort } from "./kernels/sort.js";
import { fit, halved } from "./split/fit.js";
import { Windows } from "./split/windows.js";

/** Kernels that a page which only predicts does without, so they are loaded when a plan needs them. */
const contracts = { checkFinite, conv2dInput, conv2dWeight, poolBack, scatterAdd, sort } satisfies {
  [O in "checkFinite" | "conv2dInput" | "conv2dWeight" | "poolBack" | "scatterAdd" | "sort"]: ContractRule<O>;
};

/** What is loaded when it is needed: gradients, sorting, halves, groups of few channels, and the cutting of what is above the limits. */
export const rare = { contracts, directConv, fit, halfAccessorsOf, halfContract, halved, halvesOf, Windows };

/** See `rare`. */
export type Rare = typeof rare;
