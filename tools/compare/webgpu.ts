// What `tools/compareWebgpu.mjs` runs: times each library on the same work, one after the other in every round.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gradients, mul, realize, sum, tensor, use } from "@fai/tensor";
import { webgpu } from "../../packages/tensor/src/backends/webgpu/webgpu.js";
import { conv2d, matmul } from "../../packages/tensor/src/ops/contract.js";
import type { Tensor } from "../../packages/tensor/src/tensor.js";
import { softwareGpu } from "../../packages/tensor/test/webgpu/softwareGpu.js";

type Run = () => Promise<unknown>;
interface Library {
  readonly name: string;
  /** The work, by task; each run waits until the device has done it. */
  readonly tasks: { [task: string]: Run };
}

const folder = process.env.FAI_COMPETITORS!;
const require = createRequire(join(folder, "package.json"));
const load = (name: string) => import(pathToFileURL(require.resolve(name)).href);

const gpu = await softwareGpu();
const { globals } = await import("webgpu");
Object.assign(globalThis, globals);
Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });

function numbers(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

const sizes = [512, 1024];
const image = { batch: 16, channels: 64, size: 32 };
const imageCount = image.batch * image.channels * image.size ** 2;
const weightCount = 64 * 64 * 9;

async function ours(): Promise<Library> {
  use(await webgpu({ gpu }));
  const tasks: Library["tasks"] = {};
  for (const n of sizes) {
    const [a, b] = [
      tensor(numbers(n * n, 1))
        .reshape([n, n])
        .add(0),
      tensor(numbers(n * n, 2))
        .reshape([n, n])
        .add(0),
    ];
    await realize(a, b);
    tasks[`matmul ${n}`] = () => realize(matmul(a, b));
  }
  const x = tensor(numbers(imageCount, 3)).reshape([image.batch, 64, image.size, image.size]).add(0);
  const w = tensor(numbers(weightCount, 4)).reshape([64, 64, 3, 3]).add(0);
  await realize(x, w);
  const forward = () => conv2d(x, w, { padding: 1 });
  tasks["conv 3x3"] = () => realize(forward());
  tasks["conv 3x3 and gradients"] = () => {
    const y = forward();
    const loss = sum(mul(y, y));
    return realize(loss, ...(gradients(loss, [x, w]) as Tensor[]));
  };
  return { name: "@fai/tensor", tasks };
}

async function tensorflow(): Promise<Library> {
  const tf = await load("@tensorflow/tfjs-core");
  await load("@tensorflow/tfjs-core/dist/register_all_gradients");
  await load("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  const done = async (made: { dispose(): void }[]) => {
    const backend = tf.backend();
    // Its own calls, in the order in which it makes them before it reads.
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.queue.onSubmittedWorkDone();
    for (const it of made) it.dispose();
  };
  const tasks: Library["tasks"] = {};
  for (const n of sizes) {
    const [a, b] = [tf.tensor(numbers(n * n, 1), [n, n]), tf.tensor(numbers(n * n, 2), [n, n])];
    tasks[`matmul ${n}`] = () => done([tf.matMul(a, b)]);
  }
  const x = tf.tensor(numbers(imageCount, 3), [image.batch, image.size, image.size, 64]);
  const w = tf.tensor(numbers(weightCount, 4), [3, 3, 64, 64]);
  const forward = (a: unknown, b: unknown) => tf.conv2d(a, b, 1, "same");
  tasks["conv 3x3"] = () => done([forward(x, w)]);
  const both = tf.valueAndGrads((a: unknown, b: unknown) => tf.sum(tf.square(forward(a, b))));
  tasks["conv 3x3 and gradients"] = () => {
    const { value, grads } = tf.tidy(() => both([x, w]));
    return done([value, ...grads]);
  };
  return { name: "tfjs-backend-webgpu", tasks };
}

interface JaxArray {
  readonly ref: JaxArray;
  dispose(): void;
}

async function jax(): Promise<Library> {
  const { init, defaultDevice, numpy: np, lax, jit, valueAndGrad, blockUntilReady } = await load("@jax-js/jax");
  await init("webgpu");
  defaultDevice("webgpu");
  const tasks: Library["tasks"] = {};
  const done = async (made: JaxArray | (JaxArray | JaxArray[])[]) => {
    const arrays = [made].flat(2);
    await blockUntilReady(arrays.map((it) => it.ref));
    for (const it of arrays) it.dispose();
  };
  for (const n of sizes) {
    const [a, b] = [np.array(numbers(n * n, 1)).reshape([n, n]), np.array(numbers(n * n, 2)).reshape([n, n])];
    const product = jit((p: unknown, q: unknown) => np.matmul(p, q));
    tasks[`matmul ${n}`] = () => done(product(a.ref, b.ref));
  }
  const x = np.array(numbers(imageCount, 3)).reshape([image.batch, 64, image.size, image.size]);
  const w = np.array(numbers(weightCount, 4)).reshape([64, 64, 3, 3]);
  const convolve = (a: unknown, b: unknown) => lax.conv(a, b, [1, 1], "SAME");
  const forward = jit(convolve);
  tasks["conv 3x3"] = () => done(forward(x.ref, w.ref));
  const loss = (a: unknown, b: unknown) => {
    const y = convolve(a, b);
    return y.ref.mul(y).sum();
  };
  const both = jit(valueAndGrad(loss, { argnums: [0, 1] }));
  tasks["conv 3x3 and gradients"] = () => done(both(x.ref, w.ref));
  return { name: "jax-js", tasks };
}

const rounds = Number(process.argv[2] ?? 5);
const only = process.argv[3];
const libraries: Library[] = [];
for (const open of [ours, tensorflow, jax]) {
  try {
    libraries.push(await open());
  } catch (error) {
    console.log(`${open.name} does not open: ${(error as Error).stack}`);
  }
}
for (const task of Object.keys(libraries[0]!.tasks)) {
  if (only && !task.includes(only)) continue;
  const times = new Map<string, number[]>();
  // The first round compiles.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, tasks } of libraries) {
      const start = performance.now();
      try {
        await tasks[task]!();
        if (round > 0) times.set(name, [...(times.get(name) ?? []), performance.now() - start]);
      } catch (error) {
        if (round === 0) console.log(`${task}: ${name} fails: ${(error as Error).message}`);
      }
    }
  }
  const medians = [...times].map(([name, list]) => [name, list.sort((a, b) => a - b)[list.length >> 1]!] as const);
  const best = Math.min(...medians.map(([, ms]) => ms));
  console.log(task);
  for (const [name, ms] of medians)
    console.log(`  ${name.padEnd(22)} ${ms.toFixed(1).padStart(8)} ms  ${(ms / best).toFixed(2)}x`);
}
process.exit(0);
