import type { HostArray } from "../../dtype.js";
import type { CodeBuffer } from "./jit/codeBuffer.js";

/**
 * A submission as an engine takes it: everything lies in the arena already. `program` (of `words` words), `block` and
 * `workspace` are lines; the block holds the guard (4 words), then `scalars` scalars, then the table of slots.
 */
export interface Job {
  program: number;
  words: number;
  block: number;
  scalars: number;
  workspace: number;
}

/** Words of the guard at the start of a job's block: fault, group, value, unused. */
export const guardWords = 4;

/**
 * What runs the kernels: the addon or a WASM instance, with its arena and its threads. Addresses are 64-byte lines of
 * the arena. It neither orders nor protects anything: `CpuBackend` calls `run` only while nothing is queued, and
 * touches no memory that a queued job may use.
 */
export interface CpuEngine {
  readonly name: "native" | "wasm";
  /** The instruction set of its kernels: avx512, avx2, neon, simd128, relaxed. */
  readonly isa: string;
  /** Threads that take part in one submission. */
  readonly threads: number;
  /** Lines the arena can grow to. */
  readonly capacityLines: number;
  /** Roughly how many times longer its kernels take than the native ones. */
  readonly slowdown: number;
  /** False when it has no thread for long plans: they run on the caller. */
  readonly canQueue: boolean;
  /** Where a plan's x86-64 machine code (AVX2) is written, for `placeCode`; undefined when it runs none. Native alone brings the compiler along. */
  newCode(): CodeBuffer | undefined;
  /** Called after queued jobs finished; `completed` tells how many. */
  onComplete: () => void;
  /** Makes the lines [0, lines) usable; false when the system has no memory for them. */
  commit(lines: number): boolean;
  /** Gives lines back to the system where that is possible; their contents are lost. */
  discard(line: number, lines: number): void;
  write(line: number, data: HostArray): void;
  read(line: number, into: HostArray): void;
  /** Copies machine code to where it may run and returns the address; 0 when the system does not allow it. */
  placeCode(code: Uint8Array): number;
  /** Frees code that no job uses any more. */
  freeCode(address: number, bytes: number): void;
  /** Runs a job now and returns its fault. */
  run(job: Job): number;
  /** Starts a job after those queued before. */
  enqueue(job: Job): void;
  /** How many queued jobs have finished, modulo 2^32. */
  completed(): number;
  /** Whether queued jobs keep the process alive. */
  hold(busy: boolean): void;
  close(): Promise<void>;
}

/** How a CPU backend is opened. */
export interface CpuOptions {
  /** Threads that run one submission, 1 to 64 (default: the processors this process may use; FAI_THREADS overrides). */
  threads?: number;
  /**
   * The instruction set (default: the best there is; FAI_ISA overrides): native kernels know the first three, WASM the last
   * two, of which `relaxed` multiplies and adds in one rounding. One of the other's is an error.
   */
  isa?: "avx512" | "avx2" | "neon" | "simd128" | "relaxed";
  /** Native only: whether elementwise work is compiled to machine code (true); without, it is interpreted, with the same bits and slower. */
  machineCode?: boolean;
  /** The most device memory to use, in bytes (default: what the machine has). */
  budgetBytes?: number;
  /** Plans predicted to take less run on the calling thread, longer ones beside it (default 2000). */
  inlineMicroseconds?: number;
}
