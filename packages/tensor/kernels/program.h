#pragma once

// The words of an encoded plan. codes.ts mirrors these lists (a test compares them); encode.ts writes the words.
//
// A program is a sequence of groups: [kind, length in words, commit, payload...].

enum GroupKind {
  GROUP_MAP, GROUP_REDUCE, GROUP_MATMUL, GROUP_CONV, GROUP_CONV_WEIGHT, GROUP_WINOGRAD, GROUP_WINOGRAD_WEIGHT,
  GROUP_DEPTHWISE, GROUP_DEPTHWISE_WEIGHT, GROUP_POOL, GROUP_POOL_BACK,
  GROUP_GATHER, GROUP_SCATTER_ADD, GROUP_SCATTER_ROWS, GROUP_SORT, GROUP_CHECK_FINITE, GROUP_NOTHING,
};

// Words of a tile program. Registers are numbered; each stands for one tile of 32-bit values.
//   LOAD    register, record      the record's offset in the group's payload
//   STORE   register, record
//   DIRECT  register, record      the register lives in the store's memory until the next tile
//   CODE    address (low, high), number of inputs, number of results, inputs..., results...   machine code for the tile; a
//           result with OWN_RESULT added goes to the register's own memory, the others where a DIRECT has put them
//   others  register, inputs...   with DIRECT_RESULT added when a DIRECT came just before
enum TileOp {
  OP_LOAD, OP_STORE, OP_DIRECT, OP_CODE,
  OP_NEG, OP_RECIP, OP_EXP, OP_LOG, OP_SIN, OP_COS, OP_SQRT, OP_TANH, OP_SIGMOID, OP_ERF, OP_ATAN, OP_FLOOR, OP_ABS,
  OP_SIGN, OP_TO_INT, OP_TO_BOOL,
  OP_NEG_INT, OP_ABS_INT, OP_SIGN_INT, OP_TO_FLOAT_INT, OP_TO_BOOL_INT, OP_TO_BYTE_INT, OP_UNIFORM_INT,
  OP_ADD, OP_MUL, OP_DIV, OP_MAX, OP_LT, OP_EQ,
  OP_ADD_INT, OP_MUL_INT, OP_MAX_INT, OP_LT_INT, OP_EQ_INT,
  OP_WHERE, OP_RANDOM_INT,
};
enum { DIRECT_RESULT = 256, OWN_RESULT = 256 };

// How a load or store record touches memory: [access, slot, offset, view...]; a view is [dims, sizes..., strides...]
// over the group's linear index. SCALAR is [access, index of the scalar]; IOTA has slot 0.
//   WORD          32 bits; a contiguous tile is used in place
//   WORD_COPIED   32 bits, always copied: a store of the same group overwrites the place
//   BYTE          one byte in memory, 32 bits in registers
//   ROWS          [access, slot, width, rows]: rows of which most are zeros, as scatterRows.cc leaves them
enum Access { ACCESS_WORD, ACCESS_WORD_COPIED, ACCESS_BYTE, ACCESS_SCALAR, ACCESS_IOTA, ACCESS_ROWS };

enum ReduceOp {
  REDUCE_SUM, REDUCE_MAX, REDUCE_ARGMAX, REDUCE_SUM_INT, REDUCE_MAX_INT, REDUCE_ARGMAX_INT,
};

enum { MAX_DIMS = 16, MAX_REGISTERS = 256, MAX_REDUCTIONS = 16, MAX_SEGMENTS = 256, MAX_PARTS = 1024 };
