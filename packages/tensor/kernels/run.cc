#include "base.h"
#include "program.h"

// The entry point: runs the groups of a program one after another.

namespace {

void runGroup(const Context &context, int kind, const int32_t *payload) {
  switch (kind) {
    case GROUP_MAP: return runMap(context, payload);
    case GROUP_REDUCE: return runReduce(context, payload);
    case GROUP_MATMUL: return runMatmul(context, payload);
    case GROUP_CONV: return runConv(context, payload);
    case GROUP_CONV_WEIGHT: return runConvWeight(context, payload);
    case GROUP_WINOGRAD: return runWinograd(context, payload);
    case GROUP_WINOGRAD_WEIGHT: return runWinogradWeight(context, payload);
    case GROUP_DEPTHWISE: return runDepthwise(context, payload);
    case GROUP_DEPTHWISE_WEIGHT: return runDepthwiseWeight(context, payload);
    case GROUP_POOL: return runPool(context, payload);
    case GROUP_POOL_BACK: return runPoolBack(context, payload);
    case GROUP_GATHER: return runGather(context, payload);
    case GROUP_SCATTER_ADD: return runScatterAdd(context, payload);
    case GROUP_SCATTER_ROWS: return runScatterRows(context, payload);
    case GROUP_SORT: return runSort(context, payload);
    case GROUP_CHECK_FINITE: return runCheckFinite(context, payload);
    case GROUP_NOTHING: return;
  }
}

}  // namespace

extern "C" void FN(fai_run)(FAI_RUN_ARGUMENTS) {
  Context context = {table, scalars, arena, workspace, pool, guard, 0};
  for (const int32_t *at = program; at < program + words; at += at[1], context.group++) {
    const bool commits = at[2] != 0;
    if (!commits || guard[0] == FAULT_NONE) runGroup(context, at[0], at + 3);
  }
}
