/// <reference types="@webgpu/types" preserve="true" />
import type {
  Allocation,
  Backend,
  DeviceMemory,
  Executable,
  GuardReport,
  Plan,
  Submission,
  TimeKernel,
} from "../../backend.js";
import type { HostArray } from "../../dtype.js";
import { invariant, TensorError } from "../../errors.js";
import { OutOfMemoryError } from "../../memory.js";
import { compile } from "./compile.js";
import { DeviceLostError } from "./errors.js";
import { GroupTimer } from "./groupTimer.js";
import { type Block, type Chunk, Heap } from "./heap.js";
import { decodeFault } from "./kernels/faults.js";
import { Pipelines, parameterWindow } from "./pipelines.js";
import { Readback } from "./readback.js";
import { type Dispatch, WebGpuExecutable } from "./webgpuExecutable.js";

/** What the backend is opened with. */
export interface BackendOptions {
  /** The most device memory it may reserve (default: no limit of its own). */
  budgetBytes?: number;
  /** Kernels for a processor that plays a GPU (default: what the adapter says of itself). */
  software?: boolean;
}

const mostInFlight = 2;
/** Sizes in bytes of the allocations that the garbage collector is to feel. */
const shadowed = { least: 2 ** 16, most: 2 ** 26 };
const guardBytes = 16;
const usage = { COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128 };

/**
 * A backend on WebGPU. The queue of the device keeps the order of submissions, writes and reads; a submission is one
 * command buffer. At most two are with the device; what comes later waits here, copied, in the order in which it came.
 */
export class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly contractsHalves = true;
  readonly device: GPUDevice;
  /** What the adapter says of itself. */
  readonly info: GPUAdapterInfo;
  readonly software: boolean;
  readonly #heap: Heap;
  readonly #pipelines: Pipelines;
  readonly #readback: Readback;
  readonly #guard: GPUBuffer;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  #parameters: GPUBuffer;
  #scratch: Block | undefined;
  #upload: Block | undefined;
  #allocatedBytes = 0;
  #inFlight = 0;
  #reads = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #closed = false;
  #failure: Error | undefined;
  #record: TimeKernel | undefined;
  /** Times groups by timestamps; undefined where the adapter takes none. */
  readonly time?: (record: TimeKernel | undefined) => void;

  constructor(device: GPUDevice, info: GPUAdapterInfo, options: BackendOptions = {}) {
    this.device = device;
    this.info = info;
    this.software = options.software ?? info.isFallbackAdapter;
    const fail = (error: Error) => {
      this.#failure ??= error;
    };
    this.#heap = new Heap(
      device,
      options.budgetBytes ?? Number.POSITIVE_INFINITY,
      fail,
      () => this.#waiting.length === 0,
    );
    this.#pipelines = new Pipelines(device);
    this.#readback = new Readback(device);
    this.#guard = device.createBuffer({ size: guardBytes, usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST });
    this.#parameters = this.#parameterBuffer(2 ** 16);
    if (device.features.has("timestamp-query")) {
      this.time = (record) => {
        this.#record = record;
      };
    }
    void device.lost.then(({ message }) => {
      if (!this.#closed) fail(new DeviceLostError("lost", message));
    });
    device.addEventListener?.("uncapturederror", (event) => {
      event.preventDefault();
      fail(new DeviceLostError("failed", event.error.message));
    });
  }

  /** Writes the plan's kernels; their pipelines are made with its first submission. */
  compile(plan: Plan): Executable {
    this.#open();
    return new WebGpuExecutable(plan, compile(plan, this.software));
  }

  /** Throws OutOfMemoryError, before anything runs, when the plan's scratch memory does not fit. */
  submit(handle: Executable, submission: Submission): Promise<GuardReport | undefined> {
    return this.#submit(handle as WebGpuExecutable, submission);
  }

  allocate(bytes: number): Allocation {
    this.#open();
    const block = this.#heap.allocate(bytes);
    if (bytes >= shadowed.least && bytes <= shadowed.most) block.shadow = new ArrayBuffer(bytes);
    this.#allocatedBytes += bytes;
    return block;
  }

  release(allocation: Allocation): void {
    if (this.#closed) return;
    const block = allocation as Block;
    this.#heap.release(block);
    block.shadow = undefined;
    this.#allocatedBytes -= allocation.bytes;
  }

  write(allocation: Allocation, data: HostArray): void {
    this.#open();
    const block = this.#checked("write", allocation, data);
    const copy = this.#waiting.length > 0 ? data.slice() : data;
    this.#inOrder(() => this.#writeNow(block.chunk, block.word * 4, copy));
  }

  read<A extends HostArray>(allocation: Allocation, into: A): Promise<A> {
    this.#open();
    const block = this.#checked("read", allocation, into);
    this.#reads++;
    return new Promise((resolve, reject) => {
      this.#inOrder(() => {
        this.#readback
          .read(block.chunk.buffer, block.word * 4, into)
          .then(
            () => (this.#failure ? reject(this.#failure) : resolve(into)),
            (error) => reject(this.#explained(error)),
          )
          .finally(() => {
            this.#reads--;
            this.#settle();
          });
      });
    });
  }

  memory(): DeviceMemory {
    return { allocatedBytes: this.#allocatedBytes, scratchBytes: this.#heap.reservedBytes - this.#allocatedBytes };
  }

  /** Gives the scratch and upload regions and empty chunks back to the device, behind what was submitted. */
  freeMemory(): void {
    this.#open();
    for (const region of [this.#scratch, this.#upload]) if (region) this.#heap.release(region);
    this.#scratch = undefined;
    this.#upload = undefined;
    this.#bindGroups.clear();
    this.#readback.trim();
    this.#inOrder(() => this.#heap.trim());
  }

  /** Waits for what was submitted, then destroys the device. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#inFlight + this.#reads + this.#waiting.length > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#heap.destroy();
    this.device.destroy();
  }

  #submit(executable: WebGpuExecutable, { bound, uploads, scalars }: Submission): Promise<GuardReport | undefined> {
    this.#open();
    invariant(!executable.disposed, "a disposed plan is submitted");
    const { plan, compiled, uploadBytes } = executable;
    for (const slot of plan.slots) {
      if (slot.kind === "bound")
        invariant(!(bound[slot.index] as Block).released, "a submission uses a released allocation");
      if (slot.kind === "upload")
        invariant(uploads[slot.index]!.byteLength <= slot.bytes, "an upload is larger than its slot");
    }
    const scratchBytes = Math.ceil(plan.scratchBytes / 64) * 64 + compiled.workspaceBytes;
    const scratch = (this.#scratch = this.#grown(this.#scratch, scratchBytes));
    const upload = (this.#upload = this.#grown(this.#upload, uploadBytes));
    const dispatches = executable.prepare(bound as readonly Block[], scratch, upload, scalars, this.#pipelines);
    const now = this.#waiting.length === 0 && this.#inFlight < mostInFlight;
    const parameters = now ? executable.parameters : executable.parameters.slice();
    const data = now ? uploads : uploads.map((array) => array.slice());
    return new Promise((resolve, reject) => {
      const run = () => {
        this.#inFlight++;
        for (const [k, array] of data.entries())
          this.#writeNow(upload.chunk, upload.word * 4 + executable.uploadOffsets[k]!, array);
        this.#encode(executable, dispatches, parameters)
          .then(
            (report) => (this.#failure ? reject(this.#failure) : resolve(report)),
            (error) => reject(this.#explained(error)),
          )
          .finally(() => this.#finished());
      };
      if (now) run();
      else this.#waiting.push(run);
    });
  }

  /** Encodes and submits one command buffer; resolves with the guard's report when it has run. */
  async #encode(
    { plan, compiled: { groups, mayFault } }: WebGpuExecutable,
    dispatches: readonly Dispatch[],
    parameters: Int32Array,
  ): Promise<GuardReport | undefined> {
    if (this.#failure) throw this.#failure;
    if (this.#parameters.size < parameters.byteLength) {
      this.#parameters.destroy();
      this.#parameters = this.#parameterBuffer(2 ** Math.ceil(Math.log2(parameters.byteLength)));
      this.#bindGroups.clear();
    }
    const { queue } = this.device;
    queue.writeBuffer(this.#parameters, 0, parameters as Int32Array<ArrayBuffer>);
    const encoder = this.device.createCommandEncoder();
    if (mayFault) encoder.clearBuffer(this.#guard);
    const record = this.#record;
    const timer = record && new GroupTimer(this.device, plan.groups.length);
    let pass = encoder.beginComputePass(timer?.pass(groups[0] ?? 0));
    for (const [k, { kernel, pipeline, chunks, offset }] of dispatches.entries()) {
      if (timer && k > 0 && groups[k] !== groups[k - 1]) {
        pass.end();
        pass = encoder.beginComputePass(timer.pass(groups[k]!));
      }
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.#bindGroup(chunks), [offset]);
      pass.dispatchWorkgroups(...kernel.grid);
    }
    pass.end();
    const report = mayFault ? this.#readback.copy(encoder, this.#guard, 0, guardBytes) : undefined;
    const times = timer?.finish(encoder, this.#readback);
    queue.submit([encoder.finish()]);
    const words = new Int32Array(2);
    await Promise.all([report ? report(words) : queue.onSubmittedWorkDone(), times?.(plan, new Set(groups), record!)]);
    return words[0] === 0 ? undefined : { ...decodeFault(words[0]!), value: words[1]! };
  }

  #bindGroup(chunks: readonly Chunk[]): GPUBindGroup {
    const key = chunks.map(({ number }) => number).join(" ");
    const known = this.#bindGroups.get(key);
    if (known) return known;
    const buffers = [{ buffer: this.#parameters, size: parameterWindow }, { buffer: this.#guard }, ...chunks];
    const made = this.device.createBindGroup({
      layout: this.#pipelines.layout(chunks.length).group,
      entries: buffers.map((it, binding) => ({
        binding,
        resource: binding === 0 ? { buffer: it.buffer, size: parameterWindow } : { buffer: it.buffer },
      })),
    });
    this.#bindGroups.set(key, made);
    return made;
  }

  #parameterBuffer(size: number): GPUBuffer {
    return this.device.createBuffer({ size, usage: usage.UNIFORM | usage.COPY_DST, label: "fai parameters" });
  }

  #writeNow({ buffer }: Chunk, offset: number, data: HostArray): void {
    if (this.#failure || data.byteLength === 0) return;
    const { queue } = this.device;
    if (data.byteLength % 4 === 0) {
      queue.writeBuffer(buffer, offset, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      return;
    }
    // Buffers are written in words; an allocation has room for the last one.
    const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    queue.writeBuffer(buffer, offset, padded);
  }

  /** The region, or a larger one in its place; what was submitted goes on with the old one. */
  #grown(region: Block | undefined, bytes: number): Block {
    if (region === undefined) return this.#heap.allocate(Math.max(bytes, 256));
    if (region.bytes >= bytes) return region;
    this.#heap.release(region);
    try {
      return this.#heap.allocate(bytes);
    } catch (error) {
      Object.assign(region, this.#heap.allocate(region.bytes));
      throw error;
    }
  }

  #inOrder(run: () => void): void {
    if (this.#waiting.length === 0) run();
    else this.#waiting.push(run);
  }

  #finished(): void {
    this.#inFlight--;
    while (this.#waiting.length > 0 && this.#inFlight < mostInFlight) this.#waiting.shift()!();
    this.#settle();
  }

  /** Tells whoever closes the backend when nothing is under way any more. */
  #settle(): void {
    if (this.#inFlight + this.#reads + this.#waiting.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #open(): void {
    if (this.#closed) throw new TensorError("backend", "the webgpu backend is closed");
    if (this.#failure) throw this.#failure;
  }

  /** What a rejected promise of the device means. */
  #explained(error: unknown): Error {
    if (this.#failure) return this.#failure;
    if (error instanceof OutOfMemoryError || error instanceof DeviceLostError) return error;
    return new DeviceLostError("failed", error instanceof Error ? error.message : String(error));
  }

  #checked(op: "read" | "write", allocation: Allocation, data: HostArray): Block {
    const block = allocation as Block;
    invariant(!block.released, `${op} of a released allocation`);
    invariant(data.byteLength <= block.bytes, `${op} of ${data.byteLength} bytes, the allocation has ${block.bytes}`);
    return block;
  }
}
