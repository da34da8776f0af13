import { type Backend, openCpu, use } from "@fai/tensor";

/** What computes: `auto` takes WebGPU where the browser has it, and WASM elsewhere. */
export type DeviceChoice = "auto" | "wasm" | "webgpu";

/** Opens the device that was asked for, makes it the one that computes, and says what it is in words. */
export async function openDevice(choice: DeviceChoice): Promise<{ backend: Backend; words: string }> {
  if (choice === "webgpu") throw new Error("WebGPU is not built yet, leave the device out of the address.");
  const backend = use(await openCpu());
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { backend, words: threads > 1 ? `WASM on ${threads} threads` : "WASM on one thread" };
}
