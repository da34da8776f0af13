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
import { lineBytes, linesFor, OutOfMemoryError } from "../../memory.js";
import { Arena, type Block } from "./arena.js";
import { CpuExecutable } from "./cpuExecutable.js";
import { type EncodedPlan, encode, linkCode } from "./encode.js";
import { type CpuEngine, type CpuOptions, guardWords, type Job } from "./engine.js";

/** Work that waits for its turn. `after` is the last submission that has to be complete before the host may copy. */
type Waiting =
  | { kind: "write" | "read"; block: Block; after: number; run: () => void }
  | {
      kind: "submission";
      number: number;
      executable: CpuExecutable;
      bound: readonly Block[];
      values: Int32Array;
      uploads: readonly HostArray[];
      workspace: number;
      resolve: (report: GuardReport | undefined) => void;
    };
type WaitingSubmission = Extract<Waiting, { kind: "submission" }>;

/** Machine code that an engine has placed. */
interface PlacedCode {
  address: number;
  bytes: number;
}

const faults = [undefined, "index", "nonFinite"] as const;
const noFault: Promise<undefined> = Promise.resolve(undefined);

/**
 * A backend on the CPU: memory and order, over an engine that runs kernels.
 *
 * Submissions run in order, at most two in the engine; more wait here with copies of their host data. Each has an
 * upload region to itself while it is in the engine. A read or write of memory that no unfinished submission uses
 * happens at once; others wait, and later submissions that use that memory wait for them.
 */
export class CpuBackend implements Backend {
  readonly name: "native" | "wasm";
  readonly about: string;
  readonly engine: CpuEngine;
  readonly #arena: Arena;
  readonly #inlineMicroseconds: number;
  /** Submissions made, and how many of them are complete. */
  #submitted = 0;
  #completed = 0;
  #scratch: Block | undefined;
  readonly #uploads: (Block | undefined)[] = [undefined, undefined];
  #running: { submission: WaitingSubmission; region: Block }[] = [];
  #engineCompleted = 0;
  #waiting: Waiting[] = [];
  #allocatedBytes = 0;
  #trimWhenIdle = false;
  #retired: (PlacedCode & { last: number })[] = [];
  #idle: (() => void)[] = [];
  #closed = false;
  #record: TimeKernel | undefined;
  readonly #guard = new Int32Array(guardWords);

  /** @param reason why this engine was chosen, for `about` */
  constructor(engine: CpuEngine, options: CpuOptions = {}, reason = "opened by name") {
    this.name = engine.name;
    this.about = `${engine.name}, ${engine.isa}, ${engine.threads} ${engine.threads === 1 ? "thread" : "threads"}: ${reason}`;
    this.engine = engine;
    this.#arena = new Arena(engine, options.budgetBytes);
    this.#inlineMicroseconds = (options.inlineMicroseconds ?? 2000) / engine.slowdown;
    engine.onComplete = () => this.#collect();
  }

  /** Encodes the plan and stores its program in the arena. */
  compile(plan: Plan): Executable {
    this.#open();
    const encoded = encode(plan, this.engine.threads, this.engine.newCode());
    const code = this.#place(encoded);
    const block = this.#arena.allocate(encoded.program.byteLength, this.#submitted);
    const executable = new CpuExecutable(plan, encoded, block, (it) => {
      if (!this.#closed) this.#arena.release(it.program);
      if (code) this.#retire(code, it.program.lastUse);
    });
    this.#write(block, encoded.program);
    return executable;
  }

  /** Places a plan's machine code and writes its addresses into the program. */
  #place(encoded: EncodedPlan): PlacedCode | undefined {
    const bytes = encoded.code.length;
    if (bytes === 0) return undefined;
    const address = this.engine.placeCode(encoded.code);
    if (address === 0) {
      throw new TensorError(
        "compile",
        `the system gives no room for ${bytes} bytes of machine code. Open the backend with { machineCode: false }?`,
      );
    }
    linkCode(encoded, address);
    return { address, bytes };
  }

  /** Frees code once submission `last` is complete. */
  #retire(code: PlacedCode, last: number): void {
    if (last <= this.#completed) this.engine.freeCode(code.address, code.bytes);
    else this.#retired.push({ ...code, last });
  }

  /** Throws OutOfMemoryError, before anything runs, when the plan's scratch memory does not fit. */
  submit(handle: Executable, submission: Submission): Promise<GuardReport | undefined> {
    this.#open();
    const executable = handle as CpuExecutable;
    invariant(!executable.disposed, "a disposed plan is submitted");
    if (this.#running.length > 0) this.#collect();
    const direct =
      this.#running.length === 0 &&
      (executable.microseconds <= this.#inlineMicroseconds || !this.engine.canQueue || this.#record !== undefined);
    this.#withRoom(() => this.#reserve(executable, direct ? 1 : 2));

    const bound = submission.bound as readonly Block[];
    const number = ++this.#submitted;
    const { block: values, plan } = executable;
    const scratchLine = this.#scratch!.line;
    values.set(submission.scalars, guardWords);
    const { scratchEntries, scratchLines, boundEntries } = executable;
    for (let i = 0; i < scratchEntries.length; i++) values[scratchEntries[i]!] = scratchLine + scratchLines[i]!;
    for (let i = 0; i < boundEntries.length; i++) {
      const block = bound[i]!;
      invariant(!block.released, "a submission uses a released allocation");
      values[boundEntries[i]!] = block.line;
      block.lastUse = number;
    }
    executable.program.lastUse = number;
    const workspace = scratchLine + linesFor(plan.scratchBytes);
    const { uploads } = submission;
    for (let i = 0; i < uploads.length; i++) {
      invariant(uploads[i]!.byteLength <= executable.uploadSizes[i]!, "an upload is larger than its slot");
    }
    const prepared = { executable, values, uploads, workspace };

    if (direct) {
      const job = this.#stage(prepared, this.#uploads[0]!);
      const fault = this.#record ? this.#runTimed(executable, job, this.#record) : this.engine.run(job);
      this.#completed = number;
      return fault === 0 ? noFault : Promise.resolve(this.#report(this.#uploads[0]!));
    }
    return new Promise((resolve) => {
      const waiting: WaitingSubmission = { kind: "submission", number, bound, ...prepared, resolve };
      this.#waiting.push(waiting);
      this.#pump();
      if (this.#waiting.includes(waiting)) {
        waiting.values = values.slice();
        waiting.uploads = uploads.map((data) => data.slice());
      }
    });
  }

  allocate(bytes: number): Allocation {
    this.#open();
    const block = this.#withRoom(() => this.#arena.allocate(bytes, this.#submitted));
    this.#allocatedBytes += bytes;
    return block;
  }

  release(allocation: Allocation): void {
    if (this.#closed) return;
    this.#arena.release(allocation as Block);
    this.#allocatedBytes -= allocation.bytes;
  }

  write(allocation: Allocation, data: HostArray): void {
    this.#open();
    this.#write(this.#checked("write", allocation, data), data);
  }

  read<A extends HostArray>(allocation: Allocation, into: A): Promise<A> {
    this.#open();
    const block = this.#checked("read", allocation, into);
    if (this.#isFree(block)) {
      this.engine.read(block.line, into);
      return Promise.resolve(into);
    }
    return new Promise((resolve) => {
      this.#wait("read", block, () => {
        this.engine.read(block.line, into);
        resolve(into);
      });
    });
  }

  memory(): DeviceMemory {
    return { allocatedBytes: this.#allocatedBytes, scratchBytes: this.#arena.usedBytes - this.#allocatedBytes };
  }

  freeMemory(): void {
    this.#open();
    if (this.#running.length > 0) this.#collect();
    if (this.#running.length > 0) this.#trimWhenIdle = true;
    else this.#trim();
  }

  time(record: TimeKernel | undefined): void {
    this.#open();
    this.#record = record;
  }

  /** Waits for what was submitted, then ends the threads and unmaps the memory. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#running.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.engine.close();
  }

  #open(): void {
    if (this.#closed) throw new TensorError("backend", `the ${this.name} backend is closed`);
  }

  #checked(op: "read" | "write", allocation: Allocation, data: HostArray): Block {
    const block = allocation as Block;
    invariant(!block.released, `${op} of a released allocation`);
    invariant(data.byteLength <= block.bytes, `${op} of ${data.byteLength} bytes, the allocation has ${block.bytes}`);
    return block;
  }

  /** True when the host may touch the block now. */
  #isFree(block: Block): boolean {
    if (block.lastUse > this.#completed) this.#collect();
    return block.lastUse <= this.#completed && block.pins === 0;
  }

  #write(block: Block, data: HostArray): void {
    if (this.#isFree(block)) {
      this.engine.write(block.line, data);
      return;
    }
    const copy = data.slice();
    this.#wait("write", block, () => this.engine.write(block.line, copy));
  }

  #wait(kind: "read" | "write", block: Block, run: () => void): void {
    this.#arena.pin(block);
    this.#waiting.push({ kind, block, after: block.lastUse, run });
  }

  /** Makes the scratch region and `regions` upload regions large enough. */
  #reserve(executable: CpuExecutable, regions: number): void {
    const { scratchBytes } = executable.plan;
    const bytes = (linesFor(scratchBytes) + linesFor(executable.workspaceBytes)) * lineBytes;
    this.#scratch = this.#grown(this.#scratch, bytes);
    for (let region = 0; region < regions; region++) {
      this.#uploads[region] = this.#grown(this.#uploads[region], executable.uploadBytes);
    }
  }

  /** What `take` takes from the arena; where it is full, regions that larger plans have left make room. */
  #withRoom<T>(take: () => T): T {
    try {
      return take();
    } catch (error) {
      if (this.#running.length > 0) this.#collect();
      if (!(error instanceof OutOfMemoryError) || this.#running.length > 0 || this.#waiting.length > 0) throw error;
      this.#trim();
      return take();
    }
  }

  #grown(region: Block | undefined, bytes: number): Block {
    if (region === undefined) return this.#arena.allocate(bytes, this.#submitted);
    if (region.bytes >= bytes) return region;
    // The old one goes first, because both might not fit; unless it holds the guard of a running submission.
    const first = region.pins === 0;
    if (first) this.#arena.release(region);
    try {
      const grown = this.#arena.allocate(bytes, this.#submitted);
      if (!first) this.#arena.release(region);
      return grown;
    } catch (error) {
      if (first) Object.assign(region, this.#arena.allocate(region.bytes, this.#submitted));
      throw error;
    }
  }

  /** Copies a submission's values and host data into an upload region. */
  #stage(prepared: Pick<WaitingSubmission, "executable" | "values" | "uploads" | "workspace">, region: Block): Job {
    const { executable, values, uploads, workspace } = prepared;
    for (let i = 0; i < executable.uploadEntries.length; i++) {
      const line = region.line + executable.uploadLines[i]!;
      values[executable.uploadEntries[i]!] = line;
      this.engine.write(line, uploads[i]!);
    }
    this.engine.write(region.line, values);
    const { program, words, plan } = executable;
    return { program: program.line, words, block: region.line, scalars: plan.scalarCount, workspace };
  }

  /** Runs the groups of a job as programs of their own. */
  #runTimed({ plan }: CpuExecutable, job: Job, record: TimeKernel): number {
    let fault = 0;
    for (const [i, group] of plan.groups.entries()) {
      const encoded = encode({ ...plan, groups: [group] }, this.engine.threads, this.engine.newCode());
      const { program } = encoded;
      const code = this.#place(encoded);
      const block = this.#arena.allocate(program.byteLength, this.#submitted);
      this.engine.write(block.line, program);
      const start = performance.now();
      const found = this.engine.run({ ...job, program: block.line, words: program.length });
      record(plan, i, performance.now() - start);
      this.#arena.release(block);
      if (code) this.engine.freeCode(code.address, code.bytes);
      if (fault !== 0 || found === 0) continue;
      fault = found;
      this.engine.read(job.block, this.#guard);
      this.#guard[1] = i;
      this.engine.write(job.block, this.#guard);
    }
    return fault;
  }

  #report(region: Block): GuardReport | undefined {
    this.engine.read(region.line, this.#guard);
    const [code, group, value] = this.#guard as unknown as [number, number, number];
    const fault = faults[code];
    return fault === undefined ? undefined : { fault, group, value };
  }

  /** Takes note of what the engine finished, and starts what waited for it. */
  #collect(): void {
    const completed = this.engine.completed();
    let finished = (completed - this.#engineCompleted) >>> 0;
    if (finished === 0) return;
    this.#engineCompleted = completed;
    for (; finished > 0; finished--) {
      const { submission, region } = this.#running.shift()!;
      this.#completed = submission.number;
      submission.resolve(this.#report(region));
      this.#arena.unpin(region);
    }
    this.#pump();
    const retired = this.#retired;
    this.#retired = [];
    for (const { last, ...code } of retired) this.#retire(code, last);
    if (this.#running.length > 0) return;
    this.engine.hold(false);
    if (this.#trimWhenIdle) this.#trim();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Starts everything that may start, in order; memory that a waiting one uses holds up the later ones that use it. */
  #pump(): void {
    const blocked = new Set<Block>();
    let submissionsWait = false;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.kind !== "submission") {
        if (waiting.after > this.#completed || blocked.has(waiting.block)) {
          blocked.add(waiting.block);
          return true;
        }
        waiting.run();
        this.#arena.unpin(waiting.block);
        return false;
      }
      const region = this.#uploads.find((it) => it !== undefined && it.lastUse <= this.#completed);
      submissionsWait ||= region === undefined || waiting.bound.some((block) => blocked.has(block));
      submissionsWait ||= blocked.has(waiting.executable.program);
      if (submissionsWait) {
        for (const block of waiting.bound) blocked.add(block);
        return true;
      }
      region!.lastUse = waiting.number;
      this.#arena.pin(region!);
      if (this.#running.length === 0) this.engine.hold(true);
      this.engine.enqueue(this.#stage(waiting, region!));
      this.#running.push({ submission: waiting, region: region! });
      return false;
    });
  }

  #trim(): void {
    this.#trimWhenIdle = false;
    for (const region of [this.#scratch, ...this.#uploads]) if (region !== undefined) this.#arena.release(region);
    this.#scratch = undefined;
    this.#uploads.fill(undefined);
    this.#arena.trim();
  }
}
