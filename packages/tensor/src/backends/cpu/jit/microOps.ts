import type { Encoding } from "./assembler.js";

/*
 * The vector operations that instructions are made of. Inputs are numbers of values; the operand that may lie in memory is the last.
 */

/** Encodings of two-input operations: target = f(first, last). */
export const binary = {
  addps: { prefix: 0, map: 1, opcode: 0x58 },
  mulps: { prefix: 0, map: 1, opcode: 0x59 },
  subps: { prefix: 0, map: 1, opcode: 0x5c },
  minps: { prefix: 0, map: 1, opcode: 0x5d },
  divps: { prefix: 0, map: 1, opcode: 0x5e },
  maxps: { prefix: 0, map: 1, opcode: 0x5f },
  andps: { prefix: 0, map: 1, opcode: 0x54 },
  andnps: { prefix: 0, map: 1, opcode: 0x55 },
  xorps: { prefix: 0, map: 1, opcode: 0x57 },
  cmpps: { prefix: 0, map: 1, opcode: 0xc2 },
  paddd: { prefix: 1, map: 1, opcode: 0xfe },
  psubd: { prefix: 1, map: 1, opcode: 0xfa },
  pcmpgtd: { prefix: 1, map: 1, opcode: 0x66 },
  pcmpeqd: { prefix: 1, map: 1, opcode: 0x76 },
  pmulld: { prefix: 1, map: 2, opcode: 0x40 },
  pmaxsd: { prefix: 1, map: 2, opcode: 0x3d },
} as const satisfies Record<string, Encoding>;

/** Encodings of one-input operations: target = f(last). */
export const unary = {
  sqrtps: { prefix: 0, map: 1, opcode: 0x51 },
  cvtdq2ps: { prefix: 0, map: 1, opcode: 0x5b },
  cvttps2dq: { prefix: 2, map: 1, opcode: 0x5b },
  pabsd: { prefix: 1, map: 2, opcode: 0x1e },
  roundps: { prefix: 1, map: 3, opcode: 0x08 },
} as const satisfies Record<string, Encoding>;

/** Shifts by a number of bits; the number is the opcode's extension. */
export const shift = { psrld: 2 } as const;

/** target = mask's sign ? last : first. */
export const blendvps: Encoding = { prefix: 1, map: 3, opcode: 0x4a };

/** Comparisons of cmpps: ordered and quiet, so NaN gives false, except for the two last. */
export const comparisons = { equal: 0x00, less: 0x11, lessEqual: 0x12, unordered: 0x03, notEqual: 0x04 } as const;

/** Operations whose inputs may change places. */
export const commutative: ReadonlySet<string> = new Set([
  "addps",
  "mulps",
  "andps",
  "xorps",
  "paddd",
  "pcmpeqd",
  "pmulld",
  "pmaxsd",
]);

/** The name of a vector operation. */
export type MicroOp = keyof typeof binary | keyof typeof unary | keyof typeof shift | "blendvps";

/** A value of a program: an element of an array, a constant, or computed. `immediate` is the byte some operations take. */
export type Micro =
  | { readonly kind: "element"; readonly array: number }
  | { readonly kind: "constant"; readonly bits: number }
  | { readonly kind: "op"; readonly op: MicroOp; readonly inputs: readonly number[]; readonly immediate?: number };

/** What happens in a turn of the loop, in order: values are computed, and some written to arrays. */
export type Action =
  | { readonly kind: "compute"; readonly value: number }
  | { readonly kind: "write"; readonly value: number; readonly array: number };

/** A loop over arrays: `values` by number, and what happens to them. */
export interface MicroProgram {
  readonly values: readonly Micro[];
  readonly actions: readonly Action[];
}
