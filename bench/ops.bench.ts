/*
 * Single operations beside the machine's peak, one JSON line each:
 *
 *   npm run bench -- ops [--backend wasm|native] [--isa avx512|avx2] [--threads N] [--only TEXT] [--seconds S] [--vs-pytorch | --vs COMMAND]
 *     [--cpu-time]
 *
 * The peak is what a kernel of nothing but multiply-adds on registers reaches (ops/peak.cc, built with $CXX, else c++), measured
 * in turns with the operation and with as many threads, so that a busy machine slows both. The best of all rounds counts,
 * for every one of them: what else runs on the machine can only slow them. `--only` may be given several times. `--vs-pytorch` times PyTorch in the same turns ($PYTHON,
 * else python3), `--vs` any program that answers as ops/ops.py does.
 * `--cpu-time` counts the process's processor time instead of the clock's: on a busy machine, with one thread.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Plan, Slot } from "../packages/tensor/src/backend.js";
import type { CpuBackend } from "../packages/tensor/src/backends/cpu/cpuBackend.js";
import { openCpuSync } from "../packages/tensor/src/backends/cpu/select.node.js";
import { answerer } from "./ops/answerer.js";
import { operations } from "./ops/list.js";
import type { Operation } from "./ops/operations.js";
import { startPeak } from "./ops/peak.js";

const { values: options } = parseArgs({
  options: {
    backend: { type: "string" },
    isa: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) },
    only: { type: "string", multiple: true, default: [""] },
    seconds: { type: "string", default: "0.3" },
    "vs-pytorch": { type: "boolean", default: false },
    vs: { type: "string" },
    "cpu-time": { type: "boolean", default: false },
  },
});
const threads = Number(options.threads);
const rounds = 5;
const slice = Number(options.seconds) / rounds;
const rounded = (value: number) => Number(value.toPrecision(3));

/** Milliseconds of the clock, or of the processor. */
function now(): number {
  if (!options["cpu-time"]) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const backend = openCpuSync({
  threads,
  ...(options.backend ? { backend: options.backend as "native" | "wasm" } : {}),
  ...(options.isa ? { isa: options.isa as "avx512" } : {}),
}) as CpuBackend;

const peak = startPeak(backend.engine.isa, options["cpu-time"] ? "cpu" : "clock");
const python = process.env.PYTHON ?? "python3";
const pytorch = [python, fileURLToPath(new URL("ops/ops.py", import.meta.url)), String(threads)];
const command = options["vs-pytorch"] ? pytorch : options.vs?.split(" ");
let rivalName = "";
const rival = command
  ? answerer(command[0]!, command.slice(1), (hello) => {
      rivalName = hello.split(" ")[0]!;
      console.error(hello);
    })
  : undefined;

/** Runs an operation for some seconds, again and again; the result is the fastest run's seconds. */
function prepare(operation: Operation): { run: (seconds: number) => Promise<number>; close: () => void } {
  const bound = operation.slots.map((count) => {
    const allocation = backend.allocate(count * 4);
    // Positive and away from zero: no op is slow for a special value.
    backend.write(
      allocation,
      Float32Array.from({ length: count }, (_, i) => 0.1 + ((i * 7919) % 1009) / 1009),
    );
    return allocation;
  });
  const slots: Slot[] = operation.slots.map((count, index) => ({ kind: "bound", bytes: count * 4, offset: 0, index }));
  const plan: Plan = { groups: operation.groups, slots, scratchBytes: 0, scalarCount: 0 };
  const executable = backend.compile(plan);
  const submission = { bound, uploads: [], scalars: new Int32Array(0) };
  const run = async (seconds: number) => {
    let best = Number.POSITIVE_INFINITY;
    const end = performance.now() + seconds * 1000;
    do {
      const start = now();
      await backend.submit(executable, submission);
      best = Math.min(best, now() - start);
    } while (performance.now() < end);
    return best / 1000;
  };
  const close = () => {
    executable.dispose();
    for (const allocation of bound) backend.release(allocation);
  };
  return { run, close };
}

for (const operation of operations().filter((it) => options.only.some((text) => it.name.includes(text)))) {
  const { run, close } = prepare(operation);
  await run(slice / 4);
  const [ours, theirs, peaks]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    peaks.push(await peak.ask(`${threads} ${Math.ceil(slice * 200)}`));
    ours.push(await run(slice));
    if (rival) {
      const request = { name: operation.name, seconds: slice, cpuTime: options["cpu-time"], torch: operation.torch };
      theirs.push(await rival.ask(JSON.stringify(request)));
    }
  }
  close();
  const line = (engine: string, times: readonly number[]) => {
    const seconds = Math.min(...times);
    const gflops = operation.flops / seconds / 1e9;
    const rate =
      operation.flops > 0 ? { gflops: rounded(gflops), peak_share: rounded(gflops / Math.max(...peaks)) } : {};
    const memory = operation.flops > 0 ? {} : { gb_per_s: rounded(operation.bytes / seconds / 1e9) };
    console.log(JSON.stringify({ engine, op: operation.name, ...rate, ...memory, us: rounded(seconds * 1e6) }));
  };
  line("fai", ours);
  // A rival that has no such operation answers infinity.
  if (rival && theirs.every(Number.isFinite)) line(rivalName, theirs);
}
peak.stop();
rival?.stop();
await backend.close();
