import type { Plan, TimeKernel } from "../../backend.js";
import type { Readback } from "./readback.js";

const usage = { COPY_SRC: 4, QUERY_RESOLVE: 512 };
/** The most queries a set may have. */
const mostQueries = 4096;

/** Takes the times of the groups of one submission by timestamps around a compute pass each. */
export class GroupTimer {
  readonly #device: GPUDevice;
  readonly #sets: GPUQuerySet[] = [];
  readonly #groups: number;

  /** `groups`: how many passes there may be. */
  constructor(device: GPUDevice, groups: number) {
    this.#device = device;
    this.#groups = groups;
    for (let first = 0; first < groups * 2; first += mostQueries) {
      const count = Math.min(mostQueries, groups * 2 - first);
      this.#sets.push(device.createQuerySet({ type: "timestamp", count }));
    }
  }

  /** What the pass of group number `group` has to be begun with. */
  pass(group: number): GPUComputePassDescriptor {
    const first = (group * 2) % mostQueries;
    const querySet = this.#sets[Math.floor((group * 2) / mostQueries)]!;
    return {
      timestampWrites: { querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    };
  }

  /** Adds the end of the measurement to the encoder; to be called after its submission, the result waits and tells `record` of `groups`. */
  finish(
    encoder: GPUCommandEncoder,
    readback: Readback,
  ): (plan: Plan, groups: Iterable<number>, record: TimeKernel) => Promise<void> {
    const bytes = this.#groups * 16;
    const resolved = this.#device.createBuffer({
      size: Math.max(bytes, 16),
      usage: usage.COPY_SRC | usage.QUERY_RESOLVE,
    });
    for (const [i, set] of this.#sets.entries())
      encoder.resolveQuerySet(set, 0, set.count, resolved, i * mostQueries * 8);
    const read = readback.copy(encoder, resolved, 0, Math.max(bytes, 16));
    return async (plan, groups, record) => {
      const words = new Int32Array(Math.max(bytes, 16) / 4);
      await read(words);
      const times = new BigUint64Array(words.buffer);
      // Timestamps are nanoseconds.
      for (const group of groups) record(plan, group, Number(times[group * 2 + 1]! - times[group * 2]!) / 1e6);
      for (const set of this.#sets) set.destroy();
      resolved.destroy();
    };
  }
}
