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
import { BindGroups } from "./bindGroups.js";
import { compile } from "./compile.js";
import { DeviceLostError } from "./errors.js";
import type { GroupTimer } from "./groupTimer.js";
import { type Block, type Chunk, Heap } from "./heap.js";
import { decodeFault } from "./kernels/faults.js";
import { type LimitOptions, type Limits, limitsOf } from "./limits.js";
import { Pipelines } from "./pipelines.js";
import { Readback } from "./readback.js";
import { type Dispatch, type Program, WebGpuExecutable } from "./webgpuExecutable.js";
import { WorkQueue } from "./workQueue.js";

/** What the backend is opened with. */
export interface BackendOptions {
  /** The most device memory it may reserve (default: no limit of its own). */
  budgetBytes?: number;
  /** Kernels for a processor that plays a GPU (default: what the adapter says of itself). */
  software?: boolean;
  /** Adds up rows in subgroups (default: where the device has them and numbers their lanes in order). */
  subgroups?: boolean;
  /** Smaller limits than the device's own, which large tensors are cut to. */
  limits?: LimitOptions;
}

/** Sizes in bytes of the allocations that the garbage collector is to feel. */
const shadowed = { least: 2 ** 16, most: 2 ** 26 };
const guardBytes = 16;
const usage = { COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 };

/** A submission on its way: `scalars` and `uploads` are copies where it has to wait. */
interface Job extends Submission {
  readonly executable: WebGpuExecutable;
  readonly bound: readonly Block[];
  /** Missing while the code of the executable's kernels is being loaded. */
  scratch?: Block;
  upload?: Block;
  dispatches: readonly Dispatch[];
}

/**
 * A backend on WebGPU. The queue of the device keeps the order of submissions, writes and reads; a submission is one
 * command buffer. At most two are with the device; what comes later waits here, copied, in the order in which it came, and so
 * does what needs a kernel or memory that the device is still making.
 */
export class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly contractsHalves = true;
  readonly device: GPUDevice;
  /** What the adapter says of itself. */
  readonly info: GPUAdapterInfo;
  readonly software: boolean;
  /** Whether rows are added up in subgroups. */
  readonly subgroups: boolean;
  readonly #limits: Limits;
  readonly #heap: Heap;
  readonly #pipelines: Pipelines;
  readonly #readback: Readback;
  readonly #queue = new WorkQueue();
  readonly #guard: GPUBuffer;
  readonly #bindGroups: BindGroups;
  readonly #regions: { scratch?: Block; upload?: Block } = {};
  #allocatedBytes = 0;
  #closed = false;
  #failure: Error | undefined;
  /** The memory errors of the device so far that are nobody's in particular, and the last one. */
  #shortages = 0;
  #shortage: OutOfMemoryError | undefined;
  #record: TimeKernel | undefined;
  /** Loaded when kernels are to be timed. */
  #timer: typeof GroupTimer | undefined;
  /** Times groups by timestamps; undefined where the adapter takes none. */
  readonly time?: (record: TimeKernel | undefined) => void;

  constructor(device: GPUDevice, info: GPUAdapterInfo, options: BackendOptions = {}) {
    this.device = device;
    this.info = info;
    this.software = options.software ?? info.isFallbackAdapter;
    this.subgroups = options.subgroups ?? false;
    this.#limits = limitsOf(device, options.limits);
    this.#heap = new Heap(device, {
      budgetBytes: options.budgetBytes ?? Number.POSITIVE_INFINITY,
      bindingBytes: this.#limits.bindingBytes,
      mayTrim: () => this.#queue.isEmpty,
    });
    this.#pipelines = new Pipelines(device, this.#limits);
    this.#readback = new Readback(device);
    this.#guard = device.createBuffer({ size: guardBytes, usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST });
    this.#bindGroups = new BindGroups(device, this.#pipelines, this.#guard);
    if (device.features.has("timestamp-query")) {
      this.time = (record) => {
        this.#record = record;
      };
    }
    const fail = (error: Error) => {
      this.#failure ??= error;
    };
    void device.lost.then(({ message }) => {
      if (!this.#closed) fail(new DeviceLostError("lost", message));
    });
    device.addEventListener?.("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event;
      if (error.constructor.name !== "GPUOutOfMemoryError") return fail(new DeviceLostError("failed", error.message));
      this.#shortages++;
      this.#shortage = new OutOfMemoryError(0, this.#heap.usedBytes, this.#heap.reservedBytes);
    });
  }

  /** Writes the plan's kernels; their pipelines are made with its first submission. */
  compile(plan: Plan): Executable {
    this.#open();
    const target = { software: this.software, subgroups: this.subgroups, limits: this.#limits };
    return new WebGpuExecutable(plan, compile(plan, target), this.#limits.bindingBytes);
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
    let given = data;
    this.#queue.add({
      submission: false,
      blocked: () => this.#settled(block),
      park: () => {
        given = data.slice();
      },
      run: () => {
        if (!block.chunk.failure) this.#writeNow(block.chunk, block.word * 4, given);
        return undefined;
      },
    });
  }

  read<A extends HostArray>(allocation: Allocation, into: A): Promise<A> {
    this.#open();
    const block = this.#checked("read", allocation, into);
    if (into.byteLength === 0) return Promise.resolve(into);
    const release = this.#queue.hold();
    const staging = this.#readback.stage(into.byteLength);
    return new Promise((resolve, reject) => {
      const run = () => {
        const failure = this.#failure ?? block.chunk.failure ?? staging.failure;
        void (failure ? Promise.reject(failure) : this.#copied(block, into, staging.buffer))
          .then(
            () => resolve(into),
            (error) => reject(this.#explained(error)),
          )
          .finally(release);
        return undefined;
      };
      this.#queue.add({ submission: false, blocked: () => block.chunk.pending ?? staging.pending, run });
    });
  }

  memory(): DeviceMemory {
    return { allocatedBytes: this.#allocatedBytes, scratchBytes: this.#heap.reservedBytes - this.#allocatedBytes };
  }

  /** Gives the scratch and upload regions and empty chunks back to the device, behind what was submitted. */
  freeMemory(): void {
    this.#open();
    for (const kind of ["scratch", "upload"] as const) this.#giveBack(kind);
    this.#bindGroups.clear();
    this.#readback.trim();
    const run = () => {
      this.#heap.trim();
      return undefined;
    };
    this.#queue.add({ submission: false, blocked: () => undefined, run });
  }

  /** Waits for what was submitted, then destroys the device. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    this.#heap.destroy();
    this.device.destroy();
  }

  #submit(executable: WebGpuExecutable, submission: Submission): Promise<GuardReport | undefined> {
    this.#open();
    invariant(!executable.disposed, "a disposed plan is submitted");
    const { plan } = executable;
    const bound = submission.bound as readonly Block[];
    for (const slot of plan.slots) {
      if (slot.kind === "bound") invariant(!bound[slot.index]!.released, "a submission uses a released allocation");
      if (slot.kind === "upload")
        invariant(submission.uploads[slot.index]!.byteLength <= slot.bytes, "an upload is larger than its slot");
    }
    const job: Job = { ...submission, bound, executable, dispatches: [] };
    if (executable.program) {
      job.scratch = this.#region("scratch", executable.program.scratchBytes);
      job.upload = this.#region("upload", executable.program.uploadBytes);
    }
    return new Promise((resolve, reject) => {
      let failure: unknown;
      this.#queue.add({
        submission: true,
        park: () => {
          job.uploads = job.uploads.map((array) => array.slice());
          job.scalars = job.scalars.slice();
        },
        blocked: () => {
          try {
            return this.#blocked(job);
          } catch (error) {
            failure = error;
            return undefined;
          }
        },
        run: () => {
          const shortages = this.#shortages;
          return (failure ? Promise.reject(failure) : this.#run(job)).then(
            (report) => {
              const late = this.#failure ?? (this.#shortages > shortages ? this.#shortage : undefined);
              if (late) reject(late);
              else resolve(report);
            },
            (error) => reject(this.#explained(error)),
          );
        },
      });
    });
  }

  /** What a submission waits for. */
  #blocked(job: Job): Promise<unknown> | undefined {
    const { executable, bound } = job;
    if (executable.pending) return executable.pending;
    if (this.#record && !this.#timer) {
      return import("./groupTimer.js").then(({ GroupTimer }) => {
        this.#timer = GroupTimer;
      });
    }
    if (this.#failure) return undefined;
    const { program } = executable;
    if (!program) throw executable.failure;
    for (const kind of ["scratch", "upload"] as const) {
      // Where a larger step's memory failed this one may find its own.
      const needed = Math.max(program[`${kind}Bytes`], 256);
      const given = job[kind];
      if (!given || (given.chunk.failure && given.bytes > needed)) job[kind] = this.#region(kind, needed, true);
    }
    const { scratch, upload } = job as Required<Job>;
    const blocks = [...bound, scratch, upload];
    const made = blocks.flatMap(({ chunk }) => chunk.pending ?? []);
    if (made.length > 0) return Promise.all(made);
    const failed = blocks.find(({ chunk }) => chunk.failure);
    if (failed) throw failed.chunk.failure;
    job.dispatches = program.prepare(bound, scratch, upload, job.scalars, this.#pipelines);
    const pending = job.dispatches.flatMap(({ pipeline }) => pipeline.pending ?? []);
    return pending.length > 0 ? Promise.all(pending) : undefined;
  }

  async #run({ executable, uploads, upload, dispatches }: Job): Promise<GuardReport | undefined> {
    if (this.#failure) throw this.#failure;
    const program = executable.program!;
    const failed = dispatches.find(({ pipeline }) => pipeline.failure);
    if (failed) {
      program.forgetFailures();
      throw failed.pipeline.failure;
    }
    for (const [k, array] of uploads.entries())
      this.#writeNow(upload!.chunk, upload!.word * 4 + program.uploadOffsets[k]!, array);
    return this.#encode(program, dispatches);
  }

  /** Encodes and submits one command buffer; resolves with the guard's report when it has run. */
  async #encode(
    { plan, parameters, compiled: { groups, mayFault } }: Program,
    dispatches: readonly Dispatch[],
  ): Promise<GuardReport | undefined> {
    this.#bindGroups.write(parameters);
    const encoder = this.device.createCommandEncoder();
    if (mayFault) encoder.clearBuffer(this.#guard);
    const record = this.#record;
    const timer = record && new this.#timer!(this.device, plan.groups.length);
    let pass = encoder.beginComputePass(timer?.pass(groups[0] ?? 0));
    for (const [k, { kernel, pipeline, segments, offset }] of dispatches.entries()) {
      if (timer && k > 0 && groups[k] !== groups[k - 1]) {
        pass.end();
        pass = encoder.beginComputePass(timer.pass(groups[k]!));
      }
      pass.setPipeline(pipeline.made!);
      pass.setBindGroup(0, this.#bindGroups.of(segments), [offset]);
      pass.dispatchWorkgroups(...kernel.grid);
    }
    pass.end();
    const report = mayFault ? this.#readback.copy(encoder, this.#guard, 0, guardBytes) : undefined;
    const times = timer?.finish(encoder, this.#readback);
    const { queue } = this.device;
    queue.submit([encoder.finish()]);
    const words = new Int32Array(2);
    await Promise.all([report ? report(words) : queue.onSubmittedWorkDone(), times?.(plan, new Set(groups), record!)]);
    return words[0] === 0 ? undefined : { ...decodeFault(words[0]!), value: words[1]! };
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

  async #copied(block: Block, into: HostArray, staging: GPUBuffer): Promise<void> {
    await this.#readback.read(block.chunk.buffer, block.word * 4, into, staging);
    if (this.#failure) throw this.#failure;
  }

  /** Waits until the memory of a block is there; where the device has none, another place is tried. */
  #settled(block: Block): Promise<unknown> | undefined {
    if (block.chunk.failure && !block.released && !block.rehomed) {
      try {
        this.#heap.rehome(block);
      } catch {
        return undefined; // whoever uses it hears of it
      }
    }
    return block.chunk.pending;
  }

  /** The region, or a larger one in its place; what was submitted goes on with the old one. */
  #region(kind: "scratch" | "upload", bytes: number, waited = false): Block {
    const region = this.#regions[kind];
    if (region && region.bytes >= bytes && !region.chunk.failure) return region;
    this.#giveBack(kind);
    const size = Math.max(bytes, 256);
    return (this.#regions[kind] = waited ? this.#heap.allocateApart(size) : this.#heap.allocate(size));
  }

  #giveBack(kind: "scratch" | "upload"): void {
    const region = this.#regions[kind];
    if (region) this.#heap.release(region);
    delete this.#regions[kind];
  }

  #open(): void {
    if (this.#closed) throw new TensorError("backend", "the webgpu backend is closed");
    if (this.#failure) throw this.#failure;
  }

  /** What a rejected promise of the device means. */
  #explained(error: unknown): Error {
    if (this.#failure) return this.#failure;
    if (error instanceof TensorError) return error;
    return new DeviceLostError("failed", error instanceof Error ? error.message : String(error));
  }

  #checked(op: "read" | "write", allocation: Allocation, data: HostArray): Block {
    const block = allocation as Block;
    invariant(!block.released, `${op} of a released allocation`);
    invariant(data.byteLength <= block.bytes, `${op} of ${data.byteLength} bytes, the allocation has ${block.bytes}`);
    return block;
  }
}
