#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pool.h"

// The boundary between the runtime (addon, engine thread, WASM worker) and the kernels.
//
// kernels.cc is compiled once per instruction set with -DFAI_ISA=avx512, avx2, neon or wasm, which gives the
// entry points fai_run_avx512, fai_run_avx2, fai_run_neon and fai_run_wasm. Everything else in it has internal linkage.
//
// Flags for every instruction set: -std=c++17 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math
//   -fno-exceptions -fno-rtti -fno-threadsafe-statics (and never -ffast-math: results must not depend on it).
// avx512: -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512
// avx2:   -mavx2 -mfma
// neon:   nothing, every arm64 processor has it
// wasm:   -msimd128 -mbulk-memory -mnontrapping-fptoint (plus -matomics for shared memory); -ffreestanding

#define FAI_JOIN2(a, b) a##_##b
#define FAI_JOIN(a, b) FAI_JOIN2(a, b)
#define FN(name) FAI_JOIN(name, FAI_ISA)

// Threads that may take part in one submission; encode.ts sizes per-thread buffers by the number it is given,
// at most this one (its mirror is maxThreads in codes.ts).
enum { MAX_THREADS = 64 };

enum Fault { FAULT_NONE = 0, FAULT_INDEX = 1, FAULT_NON_FINITE = 2 };

// Runs an encoded plan.
//   program    what encode.ts made of the plan; words is its length
//   table      start of each slot, in 64-byte lines from arena
//   scalars    the 32 bits of each of the submission's scalars
//   workspace  as many bytes as encode.ts asked for, 64-byte aligned; contents are free to be anything
//   pool       null: run on the caller alone
//   guard      int32[4] {fault, group, value, 0}, zeroed by the caller; the first fault stays, and groups that
//              commit are skipped while one is set
#define FAI_RUN_ARGUMENTS                                                                        \
  const int32_t *program, int32_t words, const uint32_t *table, const int32_t *scalars, uint8_t *arena, \
      uint8_t *workspace, Pool *pool, int32_t *guard

typedef void (*FaiRun)(FAI_RUN_ARGUMENTS);

extern "C" {
void fai_run_avx512(FAI_RUN_ARGUMENTS);
void fai_run_avx2(FAI_RUN_ARGUMENTS);
void fai_run_neon(FAI_RUN_ARGUMENTS);
void fai_run_wasm(FAI_RUN_ARGUMENTS);
}
