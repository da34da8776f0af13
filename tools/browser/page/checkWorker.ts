import { type DeviceChoice, openDevice } from "../../../examples/browser/openDevice.js";
import { trainShapes } from "./trainShapes.js";

/** What the page has its worker do. */
export interface Work {
  readonly device: DeviceChoice;
  /** A predictor's file from elsewhere, for which the worker says what it predicts. */
  readonly predictor: string;
}

self.addEventListener("message", async ({ data }: MessageEvent<Work>) => {
  try {
    const { backend, words } = await openDevice(data.device);
    self.postMessage(await trainShapes(backend, words, data.predictor));
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
