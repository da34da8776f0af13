import type { Allocation, Backend, DeviceMemory, Executable, GuardReport, Plan, Submission } from "../../backend.js";
import type { HostArray } from "../../dtype.js";
import { invariant, TensorError } from "../../errors.js";

/** A submission as the null backend noted it down. */
export interface RecordedSubmission extends Submission {
  plan: Plan;
}

class NullAllocation implements Allocation {
  readonly bytes: number;
  released = false;

  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

class NullExecutable implements Executable {
  readonly plan: Plan;
  disposed = false;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  dispose(): void {
    this.disposed = true;
  }
}

/**
 * A backend that runs nothing: it checks how it is used, counts memory, notes submissions down and reads zeros.
 * For tests of graphs, plans and memory, and for counting the kernels of a model.
 */
export class NullBackend implements Backend {
  readonly name = "null";
  /** Everything submitted so far, host data and scalars copied. */
  readonly submissions: RecordedSubmission[] = [];
  #allocatedBytes = 0;
  #scratchBytes = 0;
  #closed = false;

  compile(plan: Plan): Executable {
    this.#open();
    return new NullExecutable(plan);
  }

  async submit(executable: Executable, submission: Submission): Promise<GuardReport | undefined> {
    this.#open();
    const { plan, disposed } = executable as NullExecutable;
    invariant(!disposed, "a disposed plan is submitted");
    const { bound, uploads, scalars } = submission;
    for (const slot of plan.slots) {
      if (slot.kind === "bound") invariant(!isReleased(bound[slot.index]), "a submission uses a released allocation");
      if (slot.kind === "upload") invariant(fits(uploads[slot.index], slot.bytes), "an upload is larger than its slot");
    }
    invariant(scalars.length === plan.scalarCount, "a submission has too few or too many scalars");
    this.#scratchBytes = Math.max(this.#scratchBytes, plan.scratchBytes);
    this.submissions.push({
      plan,
      bound: [...bound],
      uploads: uploads.map((data) => data.slice()),
      scalars: scalars.slice(),
    });
    return undefined;
  }

  allocate(bytes: number): Allocation {
    this.#open();
    this.#allocatedBytes += bytes;
    return new NullAllocation(bytes);
  }

  release(allocation: Allocation): void {
    invariant(!isReleased(allocation), "an allocation is released twice");
    (allocation as NullAllocation).released = true;
    this.#allocatedBytes -= allocation.bytes;
  }

  write(allocation: Allocation, data: HostArray): void {
    this.#open();
    invariant(
      !isReleased(allocation) && fits(data, allocation.bytes),
      "write beyond an allocation or after its release",
    );
  }

  async read<A extends HostArray>(allocation: Allocation, into: A): Promise<A> {
    this.#open();
    invariant(
      !isReleased(allocation) && fits(into, allocation.bytes),
      "read beyond an allocation or after its release",
    );
    into.fill(0);
    return into;
  }

  memory(): DeviceMemory {
    return { allocatedBytes: this.#allocatedBytes, scratchBytes: this.#scratchBytes };
  }

  freeMemory(): void {
    this.#open();
    this.#scratchBytes = 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) throw new TensorError("backend", "the null backend is closed");
  }
}

function isReleased(allocation: Allocation | undefined): boolean {
  return allocation === undefined || (allocation as NullAllocation).released;
}

function fits(data: HostArray | undefined, bytes: number): boolean {
  return data !== undefined && data.byteLength <= bytes;
}
