/*
 * One training step of each workload of the course (bench/workloads.ts), one JSON line a workload:
 *
 *   npm run bench -- steps [--only WORKLOAD] [--backend native|wasm] [--isa avx512|avx2] [--threads N] [--seconds S] [--vs-pytorch]
 *
 * --only takes those whose name contains it. `--vs-pytorch` runs the same step in PyTorch ($PYTHON, else python3) in turns with ours;
 * `ratio` is then the median of PyTorch's time over ours, turn by turn.
 * `peak_share` is the arithmetic of products and convolutions against what the machine can do (ops/peak.cc), `garbage_bytes` what
 * JavaScript allocates in a step.
 */
import { spawn } from "node:child_process";
import { Session } from "node:inspector/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backend, manualSeed, openCpu, openWasm, use } from "@fai/tensor";
import type { Plan } from "../packages/tensor/src/backend.js";
import type { CpuBackend } from "../packages/tensor/src/backends/cpu/cpuBackend.js";
import { startPeak } from "./ops/peak.js";
import { type RunStep, workloads } from "./workloads.js";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    backend: { type: "string" },
    isa: { type: "string" },
    threads: { type: "string", default: "2" },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "6" },
    "vs-pytorch": { type: "boolean", default: false },
  },
});
const threads = Number(options.threads);
const [seconds, rounds] = [Number(options.seconds), Number(options.rounds)];
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const rounded = (x: number) => Number(x.toPrecision(4));

/** Steps in PyTorch, for so many seconds at a call. */
async function startTorch() {
  const script = fileURLToPath(new URL("steps.py", import.meta.url));
  const child = spawn(process.env.PYTHON ?? "python3", [script, String(threads)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hello = await lines.next();
  if (hello.done) {
    throw new Error(
      "--vs-pytorch needs a Python that has torch: set PYTHON to its path. Tried: " + (process.env.PYTHON ?? "python3"),
    );
  }
  const run = async (name: string, time: number): Promise<{ ms: number[]; grown: number }> => {
    child.stdin.write(`${name} ${time}\n`);
    return JSON.parse((await lines.next()).value as string) as { ms: number[]; grown: number };
  };
  return { engine: hello.value as string, run, stop: () => child.stdin.end() };
}

/** Threads of the other program spin a while after its turn: a turn begins when they sleep, and with a step that is not counted. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 300));

async function ours(step: RunStep, time: number, peak: { bytes: number }): Promise<number[]> {
  const ms: number[] = [];
  await step();
  const end = performance.now() + time * 1000;
  while (performance.now() < end || ms.length < 2) {
    const start = performance.now();
    await step();
    ms.push(performance.now() - start);
    const { allocatedBytes, scratchBytes } = backend().memory();
    peak.bytes = Math.max(peak.bytes, allocatedBytes + scratchBytes);
  }
  return ms;
}

/** Bytes that JavaScript allocates in a step, collected or not. */
async function garbage(step: RunStep): Promise<number> {
  const session = new Session();
  session.connect();
  const counted = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await session.post("HeapProfiler.startSampling", { samplingInterval: 1024, ...counted } as object);
  const steps = 40;
  for (let i = 0; i < steps; i++) await step();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  const sum = ({ selfSize, children }: typeof profile.head): number =>
    children.reduce((total, child) => total + sum(child), selfSize);
  return Math.round(sum(profile.head) / steps);
}

/** Multiplications and additions of the products and convolutions of a plan. */
function flopsOf({ groups }: Plan): number {
  return groups.reduce((total, group) => {
    if (group.kind !== "contract") return total;
    const size = (operand: { shape: readonly number[] }) => operand.shape.reduce((n, d) => n * d, 1);
    const [a, b] = group.inputs;
    if (group.op === "matmul") return total + 2 * size(group.outputs[0]!) * a!.shape.at(-1)!;
    if (group.op === "conv2d") return total + 2 * size(group.outputs[0]!) * size({ shape: b!.shape.slice(1) });
    if (group.op === "conv2dInput") return total + 2 * size(a!) * size({ shape: b!.shape.slice(1) });
    const weights = group.outputs[0];
    return group.op === "conv2dWeight" ? total + 2 * size(b!) * size({ shape: weights!.shape.slice(1) }) : total;
  }, 0);
}

const isa = options.isa as "avx512" | "avx2" | undefined;
const opened =
  options.backend === "wasm" ? await openWasm({ threads }) : await openCpu({ threads, ...(isa && { isa }) });
use(opened);
let flops = 0;
const compile = opened.compile.bind(opened);
opened.compile = (plan) => {
  flops = Math.max(flops, flopsOf(plan));
  return compile(plan);
};
const peakOf = startPeak((opened as CpuBackend).engine.isa);
const engine = `fai ${opened.name}${isa ? ` ${isa}` : ""}`;
const torch = options["vs-pytorch"] ? await startTorch() : undefined;
const names = Object.keys(workloads).filter((name) => name.includes(options.only));
for (const name of names) {
  manualSeed(0);
  globalThis.gc?.();
  backend().freeMemory();
  const resident = process.memoryUsage.rss();
  flops = 0;
  const step = workloads[name]!();
  for (let i = 0; i < 3; i++) await step();
  const grown = process.memoryUsage.rss() - resident;
  const peak = { bytes: 0 };
  let gflops = 0;
  const [mine, theirs, ratios]: number[][] = [[], [], []];
  let theirGrowth: number | undefined;
  for (let round = 0; round < (torch ? rounds : 1); round++) {
    const time = torch ? seconds / rounds : seconds;
    gflops = Math.max(gflops, await peakOf.ask(`${threads} 100`));
    if (torch) await settle();
    const a = await ours(step, time, peak);
    mine!.push(...a);
    if (!torch) continue;
    await settle();
    const b = await torch.run(name, time);
    theirs!.push(...b.ms);
    theirGrowth = b.grown;
    ratios!.push(median(b.ms) / median(a));
  }
  const garbageBytes = await garbage(step);
  const line = {
    engine,
    workload: name,
    threads,
    median_ms: rounded(median(mine!)),
    best_ms: rounded(Math.min(...mine!)),
    peak_bytes: peak.bytes,
    peak_share: rounded(flops / (median(mine!) * 1e6) / gflops),
    garbage_bytes: garbageBytes,
    resident_growth: grown,
    ...(torch && {
      pytorch_median_ms: rounded(median(theirs!)),
      pytorch_best_ms: rounded(Math.min(...theirs!)),
      pytorch_resident_growth: theirGrowth,
      ratio: rounded(median(ratios!)),
    }),
  };
  console.log(JSON.stringify(line));
}
torch?.stop();
peakOf.stop();
await opened.close();
