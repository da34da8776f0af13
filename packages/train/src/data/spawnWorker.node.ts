import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { WorkerListener, WorkerThread } from "./workerThread.js";

// From src/data as from dist/data.
const workerUrl = new URL("./transformWorker.js", import.meta.url);

/** Starts a thread, which keeps the process alive only while it is held. */
export function spawnWorker({ onMessage, onEnd }: WorkerListener): WorkerThread {
  // Loaders and conditions of this process mean nothing to a plain worker file.
  const worker = new Worker(workerUrl, { execArgv: [] });
  let failure = "";
  worker.on("message", onMessage);
  worker.on("error", (error) => {
    failure = error instanceof Error ? error.message : String(error);
  });
  worker.on("exit", (code) => onEnd(failure || `exit code ${code}`));
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => {
      worker.removeAllListeners();
      worker.on("error", () => {});
      void worker.terminate();
    },
  };
}

/** Processors that this process may use. */
export function processors(): number {
  return availableParallelism();
}
