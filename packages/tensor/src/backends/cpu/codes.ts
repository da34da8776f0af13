/*
 * The numbers an encoded plan is made of; kernels/program.h has the same lists (a test compares them).
 */

function numbered<const Names extends readonly string[]>(names: Names): Record<Names[number], number> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<Names[number], number>;
}

/** Kinds of groups. */
// biome-ignore format: one list
export const groupKinds = numbered([
  "MAP", "REDUCE", "MATMUL", "CONV", "CONV_WEIGHT", "WINOGRAD", "WINOGRAD_WEIGHT",
  "DEPTHWISE", "DEPTHWISE_WEIGHT", "POOL", "POOL_BACK",
  "GATHER", "SCATTER_ADD", "SCATTER_ROWS", "SORT", "CHECK_FINITE", "NOTHING",
]);

/** Instructions of tile programs. */
// biome-ignore format: one list
export const tileOps = numbered([
  "LOAD", "STORE", "DIRECT", "CODE",
  "NEG", "RECIP", "EXP", "LOG", "SIN", "COS", "SQRT", "TANH", "SIGMOID", "ERF", "ATAN", "FLOOR", "ABS",
  "SIGN", "TO_INT", "TO_BOOL",
  "NEG_INT", "ABS_INT", "SIGN_INT", "TO_FLOAT_INT", "TO_BOOL_INT", "TO_BYTE_INT", "UNIFORM_INT",
  "ADD", "MUL", "DIV", "MAX", "LT", "EQ",
  "ADD_INT", "MUL_INT", "MAX_INT", "LT_INT", "EQ_INT",
  "WHERE", "RANDOM_INT",
]);

/** How loads and stores touch memory. */
export const accesses = numbered(["WORD", "WORD_COPIED", "BYTE", "SCALAR", "IOTA", "ROWS"]);

/** Reductions. */
export const reduceOps = numbered(["SUM", "MAX", "ARGMAX", "SUM_INT", "MAX_INT", "ARGMAX_INT"]);

/** Added to an instruction whose register is the memory of a store. */
export const directResult = 256;
/** Added to a result of machine code that goes to its register's own memory. */
export const ownResult = 256;
export const maxDims = 16;
export const maxRegisters = 256;
export const maxReductions = 16;
/** Runs of the inner index that one call of the micro-kernel takes. */
export const maxSegments = 256;
/** Parts of a convolution. */
export const maxParts = 1024;
/** Most threads a submission may use. */
export const maxThreads = 64;
