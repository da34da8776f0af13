// What the tests of workerPool do on threads.
import { threadId } from "node:worker_threads";

/** A number that only depends on the item, after as much work as it says. @param {{ row: number, epoch?: number, rounds?: number }} item */
export default function scramble({ row, epoch = 0, rounds = 1000 }) {
  let state = (row * 2654435761 + epoch * 40503 + 1) >>> 0;
  const values = new Float32Array(8);
  for (let i = 0; i < rounds; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i % 8] += Math.sin(state / 2 ** 32);
  }
  return values;
}

/** Burns the processor until the main thread has counted to 5. @param {SharedArrayBuffer} counter */
export function untilCounted(counter) {
  const count = new Int32Array(counter);
  while (Atomics.load(count, 0) < 5);
  return threadId;
}

/** Waits until as many threads as `of` are here at once. @param {{ counter: SharedArrayBuffer, of: number }} item */
export function together({ counter, of }) {
  const count = new Int32Array(counter);
  Atomics.add(count, 0, 1);
  while (Atomics.load(count, 0) < of);
  return threadId;
}

/** @param {number} i */
export function fails(i) {
  if (i === 3) throw new RangeError("3 is too much");
  return i;
}

/** @param {number} i */
export async function ends(i) {
  if (i === 3) process.exit(7);
  if (i === 4) {
    setTimeout(() => {
      throw new Error("out of the blue");
    });
    await new Promise(() => {});
  }
  return i;
}

/** @param {number} size */
export function moves(size) {
  return { whole: new Float32Array(size).fill(1), part: new Float32Array(2 * size).subarray(size) };
}

/** Never returns, but counts while it runs. @param {SharedArrayBuffer} counter */
export function forever(counter) {
  const count = new Int32Array(counter);
  for (;;) Atomics.add(count, 0, 1);
}

export const noFunction = 5;
