// Answers as ops.py does, with TensorFlow.js on its WASM backend (tools/compareTfjs.mjs puts this file beside it).
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
// Installed for this comparison alone: the workspace knows no types of them.
/** @type {any} */
const tf = require(["@tensorflow", "tfjs-core"].join("/"));
/** @type {any} */
const wasm = require(["@tensorflow", "tfjs-backend-wasm"].join("/"));

wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist/"));
wasm.setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
console.log(`tfjs-wasm ${wasm.version_wasm}, 1 thread, SIMD: ${await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")}`);

/** @param {Record<string, any>} o */
function operation(o) {
  if (o.op === "matmul") {
    const [ta, tb] = [o.layout[0] === "t", o.layout[1] === "t"];
    const a = tf.randomNormal(ta ? [o.K, o.M] : [o.M, o.K]);
    const b = tf.randomNormal(tb ? [o.N, o.K] : [o.K, o.N]);
    return () => tf.matMul(a, b, ta, tb);
  }
  if (o.op !== "conv2d") return undefined;
  const x = tf.randomNormal([o.batch, o.size, o.size, o.channels]);
  const w = tf.randomNormal([o.kernel, o.kernel, o.channels, o.outputs]);
  return () => tf.conv2d(x, w, o.stride, o.padding);
}

/** Milliseconds of the clock, or of the processor. */
function now(/** @type {boolean} */ cpuTime) {
  if (!cpuTime) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let name = "";
/** @type {(() => any) | undefined} */
let run;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.name !== name) {
    tf.disposeVariables();
    name = request.name;
    run = operation(request.torch);
    run?.().dispose();
  }
  let best = Number.POSITIVE_INFINITY;
  // The WASM backend computes at once: nothing has to be read to wait for it.
  for (const end = performance.now() + request.seconds * 1000; run && performance.now() < end; ) {
    const start = now(request.cpuTime);
    const result = run();
    best = Math.min(best, now(request.cpuTime) - start);
    result.dispose();
  }
  console.log(best / 1000);
}
