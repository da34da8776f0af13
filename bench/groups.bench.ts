/*
 * Where the time of a training step goes, kernel by kernel:
 *
 *   npm run bench -- groups [--workload resnet34-train] [--backend wasm|native] [--isa avx512|avx2] [--threads N] [--top N] [--steps N]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { openCpuSync, profile, use } from "@fai/tensor";
import { workloads } from "./workloads.js";

const { values: options } = parseArgs({
  options: {
    workload: { type: "string", default: "resnet34-train" },
    backend: { type: "string" },
    isa: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) },
    top: { type: "string", default: "40" },
    steps: { type: "string", default: "3" },
  },
});
const make = workloads[options.workload];
if (!make) throw new Error(`no workload is ${options.workload}. Known are ${Object.keys(workloads).join(", ")}`);

use(
  openCpuSync({
    threads: Number(options.threads),
    ...(options.backend ? { backend: options.backend as "native" | "wasm" } : {}),
    ...(options.isa ? { isa: options.isa as "avx512" } : {}),
  }),
);
const step = make();
for (let i = 0; i < 3; i++) await step();
const found = await profile(async () => {
  for (let i = 0; i < Number(options.steps); i++) await step();
});
console.log(found.report(Number(options.top)));
process.exit();
