import type { WorkerListener, WorkerThread } from "./workerThread.js";

/** Starts a thread. */
export function spawnWorker({ onMessage, onEnd }: WorkerListener): WorkerThread {
  // Bundlers know this when it is written out in full.
  const worker = new Worker(new URL("./transformWorker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", (event) => onMessage(event.data));
  worker.addEventListener("messageerror", () => onEnd("what it sent could not be read"));
  worker.addEventListener("error", (event) => onEnd(event.message || "its script could not be loaded"));
  return { post: (message) => worker.postMessage(message), hold: () => {}, terminate: () => worker.terminate() };
}

/** Processors of the machine, as far as the browser tells. */
export function processors(): number {
  return navigator.hardwareConcurrency ?? 1;
}
