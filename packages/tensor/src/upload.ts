import type { DeviceBuffer, Node, Value } from "./node.js";
import { topological } from "./node.js";
import { backend } from "./realize.js";

/** Smaller ones travel with the submission: they cost less than a place of their own. */
const leastBytes = 1024;

/**
 * Sends the host data that tensors stand on to the device now, ahead of the submission that reads it: a copy that a device with memory of
 * its own makes while it computes something else. Nothing is computed, and queued assignments stay queued. The function that comes back
 * frees the memory again; submissions that were made before still see the data, later ones send it along as if nothing had been.
 */
export function upload(...tensors: Value[]): () => void {
  const device = backend();
  const sent: [Node, DeviceBuffer][] = [];
  const free = () => {
    for (const [node, buffer] of sent.splice(0)) {
      if (node.device[0] !== buffer) continue;
      node.holdDevice(0, undefined);
      device.release(buffer.allocation);
    }
  };
  try {
    for (const node of topological(tensors, ({ host, device: copies }) => host.some(Boolean) || copies.some(Boolean))) {
      const [host] = node.host;
      if (node.cell || node.device[0] || !host || host.byteLength < leastBytes) continue;
      const buffer = { backend: device, allocation: device.allocate(host.byteLength), ready: Promise.resolve() };
      node.holdDevice(0, buffer);
      sent.push([node, buffer]);
      device.write(buffer.allocation, host);
    }
  } catch (error) {
    free();
    throw error;
  }
  return free;
}
