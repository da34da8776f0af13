/*
 * How much a training step slows down when two other programs keep the processor busy:
 *
 *   npm run bench -- busy [--workload char-rnn-train ...] [--threads N]
 *
 * Seconds of steps alone and beside two endless loops alternate; the medians' ratio is printed. Two loops on two processors
 * leave half the time, so 2 is perfect; a pool whose threads wait for one another would collapse.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { openCpuSync, use } from "@fai/tensor";
import { workloads } from "./workloads.js";

const { values: options } = parseArgs({
  options: {
    workload: { type: "string", multiple: true, default: ["char-rnn-train", "convbn-train", "tabular-train"] },
    threads: { type: "string", default: String(availableParallelism()) },
    seconds: { type: "string", default: "1" },
  },
});
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1]!;

/** Milliseconds of each step for a while. */
async function times(step: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  for (const end = performance.now() + Number(options.seconds) * 1000; performance.now() < end; ) {
    const start = performance.now();
    await step();
    found.push(performance.now() - start);
  }
  return found;
}

use(openCpuSync({ threads: Number(options.threads) }));
for (const name of options.workload) {
  const step = workloads[name]!();
  for (let i = 0; i < 3; i++) await step();
  const [alone, busy]: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++) {
    alone.push(...(await times(step)));
    const loops = [0, 1].map(() => spawn(process.execPath, ["-e", "for (;;);"]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    busy.push(...(await times(step)));
    for (const loop of loops) loop.kill();
  }
  const [quiet, loaded] = [median(alone), median(busy)];
  const line = {
    workload: name,
    alone_ms: quiet,
    busy_ms: loaded,
    ratio: loaded / quiet,
    worst: Math.max(...busy) / quiet,
  };
  console.log(JSON.stringify(line));
}
process.exit();
