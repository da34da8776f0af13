// What the page has done on its threads.

/** As many random numbers as asked for, after some work. @param {{ row: number, count: number }} item */
export default function numbers({ row, count }) {
  if (row === 13) throw new RangeError("13 brings bad luck");
  let state = row + 1;
  return Float32Array.from({ length: count }, () => {
    for (let i = 0; i < 1000; i++) state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

/** Whether this is a thread without a page. */
export function isWorker() {
  return typeof document === "undefined";
}
