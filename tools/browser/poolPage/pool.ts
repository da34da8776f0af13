import { workerPool } from "@fai/train";
import numbers from "./transform.js";

/** What the test reads. */
export interface PoolOutcome {
  isWorker: boolean;
  /** Whether the results of 1 and of 3 threads are those of the page's own thread. */
  equal: boolean[];
  failure: string;
  unloadable: string;
  /** Ticks of a timer of the page while the threads worked. */
  ticks: number;
}

declare global {
  interface Window {
    runPool(): Promise<PoolOutcome>;
  }
}

const module = new URL("./transform.js", import.meta.url);
const items = Array.from({ length: 12 }, (_, row) => ({ row, count: 2000 }));

window.runPool = async () => {
  const expected = JSON.stringify(items.map((item) => [...numbers(item)]));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const equal: boolean[] = [];
  for (const workers of [1, 3]) {
    using pool = workerPool<{ row: number; count: number }, Float32Array>(module, { workers, move: true });
    const found: number[][] = [];
    for await (const values of pool.map(items)) found.push([...values]);
    equal.push(JSON.stringify(found) === expected);
  }
  clearInterval(timer);
  const message = (error: unknown) => (error as Error).message;
  using failing = workerPool<{ row: number; count: number }, Float32Array>(module, { workers: 1 });
  const failure = await failing.run({ row: 13, count: 1 }).then(String, message);
  using lost = workerPool<number, number>(new URL("./nowhere.js", location.href), { workers: 1 });
  const unloadable = await lost.run(1).then(String, message);
  using asking = workerPool<number, boolean>(module, { name: "isWorker", workers: 1 });
  return { isWorker: await asking.run(0), equal, failure, unloadable, ticks };
};
