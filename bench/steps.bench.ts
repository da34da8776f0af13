/*
 * One training step of each workload of the course (bench/workloads.ts), one JSON line a workload:
 *
 *   npm run bench -- steps [--only WORKLOAD] [--backend native|wasm] [--isa avx512|avx2] [--threads N] [--seconds S] [--vs-pytorch]
 *
 * --only takes those whose name contains it. `--vs-pytorch` runs the same step in PyTorch ($PYTHON, else python3) in turns with ours;
 * `ratio` is then the median of PyTorch's time over ours, turn by turn.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backend, manualSeed, openCpu, openWasm, use } from "@fai/tensor";
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

async function ours(step: RunStep, time: number, peak: { bytes: number }): Promise<number[]> {
  const ms: number[] = [];
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

const isa = options.isa as "avx512" | "avx2" | undefined;
const opened =
  options.backend === "wasm" ? await openWasm({ threads }) : await openCpu({ threads, ...(isa && { isa }) });
use(opened);
const engine = `fai ${opened.name}${isa ? ` ${isa}` : ""}`;
const torch = options["vs-pytorch"] ? await startTorch() : undefined;
const names = Object.keys(workloads).filter((name) => name.includes(options.only));
for (const name of names) {
  manualSeed(0);
  globalThis.gc?.();
  backend().freeMemory();
  const resident = process.memoryUsage.rss();
  const step = workloads[name]!();
  for (let i = 0; i < 3; i++) await step();
  const grown = process.memoryUsage.rss() - resident;
  const peak = { bytes: 0 };
  const [mine, theirs, ratios]: number[][] = [[], [], []];
  let theirGrowth: number | undefined;
  for (let round = 0; round < (torch ? rounds : 1); round++) {
    const time = torch ? seconds / rounds : seconds;
    const a = await ours(step, time, peak);
    mine!.push(...a);
    if (!torch) continue;
    const b = await torch.run(name, time);
    theirs!.push(...b.ms);
    theirGrowth = b.grown;
    ratios!.push(median(b.ms) / median(a));
  }
  const line = {
    engine,
    workload: name,
    threads,
    median_ms: rounded(median(mine!)),
    best_ms: rounded(Math.min(...mine!)),
    peak_bytes: peak.bytes,
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
await opened.close();
