import type { HostArray } from "../../dtype.js";
import { invariant } from "../../errors.js";
import { lineBytes } from "../../memory.js";
import type { CpuEngine, CpuOptions, Job } from "./engine.js";
import type { WasmIsa } from "./relaxedSimd.js";

/** A thread running wasmWorker.js. */
export interface WasmWorker {
  post(message: unknown): void;
  /** Whether it keeps the process alive; it does not at first. */
  hold(busy: boolean): void;
  terminate(): unknown;
}

/** What Node and browsers do differently. */
export interface WasmHost {
  /** The calling thread may sleep. */
  readonly mayBlock: boolean;
  spawn(onMessage: (message: unknown) => void, onError: (error: unknown) => void): WasmWorker;
}

/** The memory of an engine, and how far it can grow. */
export interface WasmMemory {
  memory: WebAssembly.Memory;
  maximumBytes: number;
}

/** What an engine is made of; `instance` is the one that the opening thread uses. */
export interface WasmParts extends WasmMemory {
  isa: WasmIsa;
  module: WebAssembly.Module;
  instance: WebAssembly.Instance;
}

interface WasmExports {
  __heap_base: WebAssembly.Global;
  run(arena: number, mayBlock: number, ...positions: number[]): number;
  /** The threaded build only. */
  startPool?(threads: number): void;
  dismissPool?(): void;
}

const pageBytes = 65536;
const stackBytes = 2 ** 19;
/** What sources.mjs passes as --initial-memory. */
const initialPages = 64;

/**
 * Memory for an engine: 4 GiB at most, shared for the threaded build. Where the system refuses to reserve that much
 * address space, half as long as it refuses.
 */
export function createMemory(shared: boolean): WasmMemory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      const memory = new WebAssembly.Memory({ initial: initialPages, maximum, shared });
      return { memory, maximumBytes: maximum * pageBytes };
    } catch (error) {
      if (maximum <= 1024) throw error;
    }
  }
}

/**
 * The WASM engine. Small plans run on the instance of the thread that opened it. Long ones go to a worker with an
 * instance of its own over the same memory, which other workers help; they start with the first long plan. Without
 * shared memory there are no workers, and everything runs on the caller.
 */
export class WasmEngine implements CpuEngine {
  readonly name = "wasm";
  readonly isa: WasmIsa;
  readonly threads: number;
  readonly capacityLines: number;
  readonly slowdown = 3;
  canQueue: boolean;
  onComplete = () => {};
  readonly #host: WasmHost;
  readonly #parts: WasmParts;
  readonly #exports: WasmExports;
  readonly #stacks: number;
  readonly #arena: number;
  /** The whole memory; replaced when it grows. */
  #bytes: Uint8Array;
  #workers: WasmWorker[] = [];
  #ready = false;
  #held = false;
  #unfinished: Job[] = [];
  readonly #completed: Int32Array;

  constructor(parts: WasmParts, host: WasmHost, options: CpuOptions & { threads: number }) {
    this.isa = parts.isa;
    this.#host = host;
    this.#parts = parts;
    this.#exports = parts.instance.exports as unknown as WasmExports;
    this.canQueue = this.#exports.startPool !== undefined;
    this.threads = this.canQueue ? options.threads : 1;
    this.#completed = new Int32Array(this.canQueue ? new SharedArrayBuffer(4) : new ArrayBuffer(4));
    // Static data, then a stack for each worker, then the arena.
    this.#stacks = Math.ceil(this.#exports.__heap_base.value / lineBytes) * lineBytes;
    this.#arena = this.#stacks + (this.canQueue ? this.threads * stackBytes : 0);
    this.#bytes = new Uint8Array(parts.memory.buffer);
    this.capacityLines = Math.floor((parts.maximumBytes - this.#arena) / lineBytes);
    this.#exports.startPool?.(this.threads);
  }

  commit(lines: number): boolean {
    const { memory } = this.#parts;
    const missing = this.#arena + lines * lineBytes - this.#bytes.length;
    if (missing <= 0) return true;
    const pages = Math.ceil(missing / pageBytes);
    // Growing is slow, so it takes an eighth more than it needs where there is room.
    const ample = Math.max(pages, this.#bytes.length / pageBytes / 8);
    const grown = grow(memory, Math.ceil(ample)) || grow(memory, pages);
    if (grown) this.#bytes = new Uint8Array(memory.buffer);
    return grown;
  }

  /** WASM memory never shrinks. */
  discard(): void {}

  write(line: number, data: HostArray): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#bytes.set(bytes, this.#arena + line * lineBytes);
  }

  read(line: number, into: HostArray): void {
    const start = this.#arena + line * lineBytes;
    const bytes = into instanceof Uint8Array ? into : new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    bytes.set(this.#bytes.subarray(start, start + bytes.length));
  }

  newCode(): undefined {}

  placeCode(): number {
    return 0;
  }

  freeCode(): void {}

  run({ program, words, block, scalars, workspace }: Job): number {
    return this.#exports.run(this.#arena, this.#host.mayBlock ? 1 : 0, program, words, block, scalars, workspace);
  }

  enqueue(job: Job): void {
    invariant(this.canQueue, "a job is queued without workers");
    this.#unfinished.push(job);
    if (this.#workers.length === 0) this.#start();
    if (this.#ready) this.#send(job);
  }

  completed(): number {
    return Atomics.load(this.#completed, 0) >>> 0;
  }

  hold(busy: boolean): void {
    this.#held = busy;
    this.#workers[0]?.hold(busy);
  }

  async close(): Promise<void> {
    this.#exports.dismissPool?.();
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #start(): void {
    const { module, memory } = this.#parts;
    const [arena, completed] = [this.#arena, this.#completed];
    for (let thread = 0; thread < this.threads; thread++) {
      const onMessage = (message: unknown) => (message === "ready" ? this.#begin() : this.#finish());
      const worker = this.#host.spawn(onMessage, (error) => this.#fail(error));
      worker.post({ module, memory, thread, stack: this.#stacks + (thread + 1) * stackBytes, arena, completed });
      this.#workers.push(worker);
    }
    this.hold(this.#held);
  }

  #begin(): void {
    this.#ready = true;
    for (const job of this.#unfinished) this.#send(job);
  }

  #send({ program, words, block, scalars, workspace }: Job): void {
    this.#workers[0]!.post([program, words, block, scalars, workspace]);
  }

  #finish(): void {
    this.#unfinished.shift();
    this.onComplete();
  }

  /** A worker broke. Before the engine was ready nothing has run (a page may forbid workers): everything runs here. */
  #fail(error: unknown): void {
    if (this.#ready) throw error;
    void this.close();
    this.canQueue = false;
    for (const job of this.#unfinished.splice(0)) {
      this.run(job);
      Atomics.add(this.#completed, 0, 1);
    }
    this.onComplete();
  }
}

function grow(memory: WebAssembly.Memory, pages: number): boolean {
  try {
    memory.grow(pages);
    return true;
  } catch {
    return false;
  }
}
