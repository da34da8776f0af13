import type { DType } from "./dtype.js";
import { TensorError } from "./errors.js";
import { type DeviceBuffer, handle, leaf, leafNode, type Node, specOf, type Value } from "./node.js";
import { formatShape, type Shape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Assignments that wait for the next realize, in the order in which they were queued. */
let queue = new Map<Cell, Value>();

/** Frees the device memory of cells that nobody holds any more; only a safety net. */
const abandoned = new FinalizationRegistry<DeviceBuffer>((buffer) => buffer.backend.release(buffer.allocation));

/**
 * A place that holds a tensor from step to step. `value` is its newest tensor: what was last set, committed or not.
 * `set` queues; the next realize computes and commits every queued assignment together; `discard` drops the queue.
 */
export abstract class Cell {
  /** Names the cell in errors and files; modules set it to the field's path. */
  name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  version = 0;
  private current: Node;

  constructor(value: Tensor, name: string) {
    const host = value.node.host[value.index];
    if (!host)
      throw new TensorError(
        "cell",
        `${name || "a cell"} needs a value that is on the host: await value.data() before?`,
      );
    this.name = name;
    this.shape = value.shape;
    this.dtype = value.dtype;
    this.current = (leaf(host, value.shape, value.dtype) as Value).node;
    this.current.cell = { cell: this, version: 0 };
  }

  /** The newest value: the queued one when there is one, else the committed leaf. */
  get value(): Tensor {
    const queued = queue.get(this);
    return queued ? handle(queued.node, queued.index) : handle(this.current);
  }

  /** The committed leaf. */
  get committed(): Tensor {
    return handle(this.current);
  }

  /** The committed leaf's node. */
  get committedNode(): Node {
    return this.current;
  }

  /** Queues `value` (same shape and dtype) as the next version. */
  set(value: Tensor): void {
    const { shape, dtype } = specOf(value);
    if (!sameShape(shape, this.shape) || dtype !== this.dtype) {
      const expected = `${this.dtype} ${formatShape(this.shape)}`;
      throw new TensorError(
        "set",
        `${this.name || "the cell"} holds ${expected}, not ${dtype} ${formatShape(shape)}. Reshape or cast the value?`,
      );
    }
    queue.set(this, value);
  }

  /** Makes the queued value the committed one; `realize` calls it when the submission that writes `device` is on its way. */
  commit(device: DeviceBuffer): void {
    const next = leafNode(this.shape, this.dtype);
    next.holdDevice(0, device);
    this.adopt(next);
    dequeue(this);
  }

  /** Replaces the value at once with host data, as loading a file does: every queued assignment of this cell is dropped. */
  load(data: Tensor): void {
    const host = data.node.host[data.index];
    if (!host || !sameShape(data.shape, this.shape) || data.dtype !== this.dtype) {
      const expected = `${this.dtype} ${formatShape(this.shape)}`;
      throw new TensorError(
        "load",
        `${this.name || "the cell"} holds ${expected}, not ${data.dtype} ${formatShape(data.shape)} (host data).`,
      );
    }
    dequeue(this);
    const next = leafNode(this.shape, this.dtype);
    const device = this.current.device[0];
    if (device) {
      this.release(device);
    }
    next.holdHost(0, host);
    this.adopt(next);
  }

  /** Remembers where the committed value lives on the device, after its first upload; the host copy is dropped. */
  place(device: DeviceBuffer): void {
    this.current.holdDevice(0, device);
    this.current.holdHost(0, undefined);
    abandoned.register(this, device, this);
  }

  /** Moves the value to the host and frees its device memory. */
  async evict(): Promise<void> {
    const device = this.current.device[0];
    if (!device) return;
    this.current.holdHost(0, await handle(this.current).data());
    this.current.holdDevice(0, undefined);
    this.release(device);
  }

  private adopt(next: Node): void {
    const old = this.current;
    this.version++;
    next.cell = { cell: this, version: this.version };
    // The old leaf's memory now holds the new version (or is gone): only a host copy outlives the step.
    old.holdDevice(0, undefined);
    this.current = next;
  }

  private release(device: DeviceBuffer): void {
    abandoned.unregister(this);
    device.backend.release(device.allocation);
  }
}

/** A cell that is trained: what `parameters()` lists and gradients are asked for. */
export class Parameter extends Cell {
  /** False keeps optimizers away from it. */
  trainable = true;

  constructor(value: Tensor, name = "") {
    super(value, name);
  }
}

/** A cell that is not trained: running statistics, carried hidden state, moving averages, optimizer state. */
export class State extends Cell {
  /** Whether `stateDict` holds it. */
  readonly persistent: boolean;

  constructor(value: Tensor, name = "", { persistent = true }: { persistent?: boolean } = {}) {
    super(value, name);
    this.persistent = persistent;
  }
}

/** The queued assignments, oldest first. */
export function queuedAssignments(): ReadonlyMap<Cell, Value> {
  return queue;
}

/** Drops every queued assignment: what `Cancel` and exceptions do, so that a half-made step changes nothing. */
export function discard(): void {
  queue = new Map();
}

/** An empty queue starts anew: a map that grew keeps its older tables, and through them graphs of earlier steps, past young garbage collections. */
function dequeue(cell: Cell): void {
  queue.delete(cell);
  if (queue.size === 0) queue = new Map();
}
