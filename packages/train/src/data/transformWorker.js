// A thread of a worker pool, in a browser's Worker or in Node's: it imports the user's module and applies its transform.

/**
 * An item to work on. `module` and `name` are the same in every message to a thread.
 * @typedef {{ id: number, module: string, name: string, move: boolean, item: unknown }} Task
 */

// Asked for like this, because bundlers for browsers cannot resolve an import of a Node module.
const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");

/** @type {(message: unknown, moved?: ArrayBuffer[]) => void} */
const post = threads?.parentPort
  ? (message, moved = []) => threads.parentPort?.postMessage(message, moved)
  : (message, moved = []) => self.postMessage(message, { transfer: moved });

/** @type {Promise<(item: unknown) => unknown> | undefined} */
let loading;

/** @param {string} module @param {string} name */
async function load(module, name) {
  const found = (await import(/* @vite-ignore */ module))[name];
  if (typeof found === "function") return found;
  throw new Error(`it has no function called ${name}`);
}

/**
 * Buffers that a result has to itself: those whose whole length one of its arrays covers.
 * @param {unknown} value
 * @returns {ArrayBuffer[]}
 */
function buffersOf(value) {
  if (ArrayBuffer.isView(value)) {
    const whole = value.byteLength === value.buffer.byteLength && value.buffer instanceof ArrayBuffer;
    return whole ? [/** @type {ArrayBuffer} */ (value.buffer)] : [];
  }
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}

/** @param {Task} task */
async function work({ id, module, name, move, item }) {
  let stage = "load";
  try {
    loading ??= load(module, name);
    const transform = await loading;
    stage = "transform";
    const result = await transform(item);
    post({ id, result }, move ? buffersOf(result) : []);
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    post({ id, failure: { stage, message, stack } });
  }
}

if (threads?.parentPort) threads.parentPort.on("message", work);
else self.addEventListener("message", (event) => work(event.data));
