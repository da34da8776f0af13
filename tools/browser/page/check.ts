import type { Work } from "./checkWorker.js";
import type { Outcome } from "./trainShapes.js";

/** The longest times for which the page could not draw and could not run a timer, in milliseconds, and how often it drew. */
export interface Gaps {
  longestFrame: number;
  longestTimer: number;
  frames: number;
}

/** What the test calls in the page. */
export interface CheckPage {
  train(work: Work): Promise<Outcome & Gaps>;
}

declare global {
  interface Window {
    check: CheckPage;
  }
}

/** Has the worker work, and watches meanwhile whether the page stays alive. */
async function train(work: Work): Promise<Outcome & Gaps> {
  const gaps: Gaps = { longestFrame: 0, longestTimer: 0, frames: 0 };
  const worker = new Worker(new URL("./checkWorker.ts", import.meta.url), { type: "module" });
  let lastFrame = performance.now();
  let lastTimer = lastFrame;
  let over = false;
  const frame = () => {
    const now = performance.now();
    gaps.longestFrame = Math.max(gaps.longestFrame, now - lastFrame);
    gaps.frames++;
    lastFrame = now;
    if (!over) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const timer = setInterval(() => {
    const now = performance.now();
    gaps.longestTimer = Math.max(gaps.longestTimer, now - lastTimer);
    lastTimer = now;
  }, 5);
  try {
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Outcome | { error: string }>) => {
        if ("error" in data) reject(new Error(data.error));
        else resolve(data);
      });
      worker.addEventListener("error", (event) => reject(new Error(event.message)));
      worker.postMessage(work);
    });
    return { ...outcome, ...gaps };
  } finally {
    over = true;
    clearInterval(timer);
    worker.terminate();
  }
}

window.check = { train };
