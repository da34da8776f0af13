/*
 * Where the time of one training step goes, kernel by kernel:
 *
 *   npm run bench -- groups --workload resnet34-train [--backend wasm|native] [--isa avx512|avx2] [--threads N] [--top N]
 *
 * The largest plan of a few steps is taken apart, and each of its groups is run alone (on whatever its memory holds), best of
 * several: one JSON line a group, with the share of the sum, most expensive first.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { openCpuSync, use } from "@fai/tensor";
import type { Backend, Executable, Plan, Submission } from "../packages/tensor/src/backend.js";
import type { Block } from "../packages/tensor/src/backends/cpu/arena.js";
import { workloads } from "./workloads.js";

const { values: options } = parseArgs({
  options: {
    workload: { type: "string", default: "resnet34-train" },
    backend: { type: "string" },
    isa: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) },
    top: { type: "string", default: "40" },
    rounds: { type: "string", default: "5" },
  },
});

const device = openCpuSync({
  threads: Number(options.threads),
  ...(options.backend ? { backend: options.backend as "native" | "wasm" } : {}),
  ...(options.isa ? { isa: options.isa as "avx512" } : {}),
});
const seen = new Map<Executable, Plan>();
let largest: { plan: Plan; submission: Submission } | undefined;
const compile = device.compile.bind(device);
const submit = device.submit.bind(device);
device.compile = (plan) => {
  const executable = compile(plan);
  seen.set(executable, plan);
  return executable;
};
device.submit = ((executable: Executable, submission: Submission) => {
  const plan = seen.get(executable);
  if (plan && plan.groups.length >= (largest?.plan.groups.length ?? 0)) {
    largest = {
      plan,
      submission: { ...submission, bound: [...submission.bound], uploads: submission.uploads.map((it) => it.slice()) },
    };
  }
  return submit(executable, submission);
}) as Backend["submit"];
use(device);

const workload = workloads[options.workload];
if (!workload)
  throw new Error(`no workload is called ${options.workload}. Known are ${Object.keys(workloads).join(", ")}`);
const step = workload();
for (let i = 0; i < 3; i++) await step();
const { plan, submission } = largest!;
const whole = await best(() => step());
// What the step released is replaced by zeros.
const bound = submission.bound.map((it) => ((it as Block).released ? device.allocate(it.bytes) : it));

/** The fastest of several runs in milliseconds. */
async function best(run: () => Promise<unknown>): Promise<number> {
  let found = Number.POSITIVE_INFINITY;
  for (let round = 0; round < Number(options.rounds); round++) {
    const start = performance.now();
    await run();
    found = Math.min(found, performance.now() - start);
  }
  return found;
}

const found: { label: string; shape: string; ms: number; count: number }[] = [];
for (const group of plan.groups) {
  const executable = compile({ ...plan, groups: [group] });
  const ms = await best(() => submit(executable, { ...submission, bound }));
  executable.dispose();
  const shape =
    group.kind === "contract"
      ? [...group.inputs, ...group.outputs].map((it) => it.shape.join("x")).join(" ")
      : `${group.dims.join("x")}, ${group.loads.length} loads, ${group.instructions.length} instructions`;
  const label = `${group.kind === "contract" ? group.op : group.kind} ${group.label}`;
  const same = found.find((it) => it.label === label && it.shape === shape);
  if (same) {
    same.ms += ms;
    same.count++;
  } else found.push({ label, shape, ms, count: 1 });
}
const sum = found.reduce((total, it) => total + it.ms, 0);
console.log(JSON.stringify({ workload: options.workload, step_ms: whole, groups: plan.groups.length, sum_ms: sum }));
const kinds = new Map<string, number>();
for (const { label, ms } of found) {
  const kind = label.split(" ")[0]!;
  kinds.set(kind, (kinds.get(kind) ?? 0) + ms);
}
for (const [kind, ms] of [...kinds].sort((a, b) => b[1] - a[1]))
  console.log(JSON.stringify({ kind, ms, share: ms / sum }));
for (const { label, shape, ms, count } of found.sort((a, b) => b.ms - a.ms).slice(0, Number(options.top))) {
  console.log(JSON.stringify({ label, shape, count, ms: Number(ms.toFixed(3)), share: Number((ms / sum).toFixed(4)) }));
}
