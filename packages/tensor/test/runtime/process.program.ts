// What process.test.ts runs as a process of its own: `process.program.ts SCENARIO`, the backend by FAI_BACKEND.
import { Worker } from "node:worker_threads";
import type { Allocation, Backend } from "../../src/backend.js";
import { openCpuSync } from "../../src/backends/cpu/select.node.js";
import { addScalar, scalars, slow } from "./plans.js";

const n = 2 ** 16;

function start(backend: Backend, value: number): Allocation {
  const cell = backend.allocate(n * 4);
  backend.write(cell, new Float32Array(n).fill(value));
  return cell;
}

async function first(backend: Backend, cell: Allocation): Promise<number> {
  return (await backend.read(cell, new Float32Array(n)))[0]!;
}

/** Runs a short plan inline and a long one on the engine's thread. */
async function workOnce(value: number): Promise<number> {
  const backend = openCpuSync({ threads: 2, inlineMicroseconds: 500 });
  const cell = start(backend, value);
  await backend.submit(backend.compile(addScalar(n)), { bound: [cell], uploads: [], scalars: scalars(1) });
  await backend.submit(backend.compile(slow(n, 100)), { bound: [cell], uploads: [], scalars: scalars(1) });
  return first(backend, cell);
}

/** A program of a worker thread: it loads this file and runs a scenario of it. */
function workerOf(scenario: string): Worker {
  const loader = import.meta.resolve("tsx/esm/api");
  const text = `
    process.argv[2] = ${JSON.stringify(scenario)};
    import(${JSON.stringify(loader)}).then(({ register }) => {
      register();
      return import(${JSON.stringify(import.meta.url)});
    });
  `;
  return new Worker(text, { eval: true, execArgv: [], stdout: true });
}

function message(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

async function post(value: unknown): Promise<void> {
  const { parentPort } = await import("node:worker_threads");
  parentPort!.postMessage(value);
}

const scenarios: Record<string, () => Promise<void>> = {
  async idle() {
    console.log("read", await workOnce(1));
  },
  async busy() {
    const backend = openCpuSync({ threads: 2 });
    const cell = start(backend, 0);
    const executable = backend.compile(slow(n, 1000));
    for (let i = 0; i < 4; i++) void backend.submit(executable, { bound: [cell], uploads: [], scalars: scalars(1) });
    void first(backend, cell).then((value) => console.log("read", value));
    console.log("submitted");
  },
  async exit() {
    const backend = openCpuSync({ threads: 2 });
    const cell = start(backend, 0);
    const executable = backend.compile(slow(n, 1000));
    for (let i = 0; i < 4; i++) void backend.submit(executable, { bound: [cell], uploads: [], scalars: scalars(1) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log("submitted");
    process.exit(0);
  },
  async workers() {
    const values = [0, 0].map(() => message(workerOf("inWorker")));
    console.log("read", ...(await Promise.all([...values, workOnce(0)])));
    const endless = workerOf("endless");
    await message(endless);
    await endless.terminate();
    console.log("terminated");
    console.log("read", await workOnce(1));
  },
  async inWorker() {
    await post(await workOnce(0));
  },
  async endless() {
    const backend = openCpuSync({ threads: 2 });
    const cell = start(backend, 0);
    const executable = backend.compile(slow(n, 500));
    for (let i = 0; i < 1000; i++) void backend.submit(executable, { bound: [cell], uploads: [], scalars: scalars(1) });
    await post("running");
  },
};

await scenarios[process.argv[2]!]!();
