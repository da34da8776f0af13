// A thread of the WASM backend, in a browser's Worker or in Node's. Thread 0 is the engine: it runs the long plans one
// after another. The others serve the pool and never return to their event loop.

/**
 * What the first message holds.
 * @typedef {object} Start
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} memory
 * @property {number} thread
 * @property {number} stack where this thread's stack starts (it grows down)
 * @property {number} arena
 * @property {Int32Array} completed counts the jobs that are done
 */

/** @typedef {[program: number, words: number, block: number, scalars: number, workspace: number]} JobMessage */

/** @typedef {(...positions: number[]) => number} Run */

// Asked for like this, because bundlers for browsers cannot resolve an import of a Node module.
const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");

/** @type {(message: unknown) => void} */
const post = threads?.parentPort
  ? (message) => threads.parentPort?.postMessage(message)
  : (message) => self.postMessage(message);

/** @type {((message: JobMessage) => void) | undefined} */
let runJob;

/** @param {Start} start */
function begin({ module, memory, thread, stack, arena, completed }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  /** @type {WebAssembly.Global} */ (exports.__stack_pointer).value = stack;
  if (thread > 0) {
    /** @type {(thread: number) => void} */ (exports.servePool)(thread);
    return;
  }
  const run = /** @type {Run} */ (exports.run);
  runJob = (job) => {
    run(arena, 1, ...job);
    Atomics.add(completed, 0, 1);
    post("completed");
  };
  post("ready");
}

/** @param {Start | JobMessage} message */
function receive(message) {
  if (Array.isArray(message)) runJob?.(message);
  else begin(message);
}

if (threads?.parentPort) threads.parentPort.on("message", receive);
else self.addEventListener("message", (event) => receive(event.data));
