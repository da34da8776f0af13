/** How long a loop may keep timers, servers and the screen waiting. */
const patienceMilliseconds = 16;

let last = 0;

/** Lets the process do what waits (timers, input, drawing) when 16 ms have passed since it last could; else returns at once. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < patienceMilliseconds) return;
  await macrotask();
  last = performance.now();
}

/** A turn of the event loop; timers of 0 ms would take 4 ms in browsers. */
function macrotask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
