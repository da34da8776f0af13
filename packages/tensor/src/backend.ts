import type { DType, HostArray } from "./dtype.js";
import type { Shape } from "./shape.js";

/*
 * What the planner hands to a backend: a Plan is a list of Groups (kernels) over Slots (places in memory).
 * A plan is a pure function of its key; everything that changes from step to step (where cells and results live,
 * host data, JS numbers) travels with the submission. All strides and offsets count elements, not bytes.
 */

/** Where a slot's memory comes from: the plan's scratch region, an allocation bound at submission, or host data uploaded with it. */
export type SlotKind = "scratch" | "bound" | "upload";

/** A place in memory. `offset` (bytes, a multiple of 64) is meaningful for scratch slots only; `index` numbers bound and upload slots in binding order. */
export interface Slot {
  kind: SlotKind;
  bytes: number;
  offset: number;
  index: number;
}

/** A strided window on a slot; strides may be 0 (broadcast) or negative (flip). */
export interface Operand {
  slot: number;
  dtype: DType;
  shape: Shape;
  strides: readonly number[];
  offset: number;
}

/** What a register of a map or reduce group is loaded with; `strides` has one entry a group dimension. */
export type Load =
  | { kind: "memory"; slot: number; dtype: DType; strides: readonly number[]; offset: number }
  /** `scalars[index]` of the submission: the 32 bits of an f32 or an i32. */
  | { kind: "scalar"; index: number; dtype: "f32" | "i32" }
  /** i32: offset + sum of index times stride over the group's dimensions. */
  | { kind: "iota"; strides: readonly number[]; offset: number };

/**
 * Elementwise instructions. Registers hold f32 or i32 (u8 and bool are i32 in registers, f16 is f32). `type` is the type of the INPUTS
 * (of the two values for `where`, whose first input is an i32 condition); lt and eq give i32 0 or 1.
 * sign: 0 for NaN. div: f32 only, correctly rounded (IEEE). max: NaN propagates (f32). eq on f32: NaN != NaN.
 * toFloat: i32 -> f32; toInt: f32 -> i32 (truncates, saturates, NaN -> 0); toBool: != 0 -> i32 0/1; toByte: i32 -> i32 & 255.
 * toHalf: f32 -> the nearest f32 that an f16 holds, ties to even, infinite from 65520 on.
 * random: [index, seedLow, seedHigh, step, stream] (all i32) -> 32 random bits (i32): Philox4x32-10, key (seedLow, seedHigh),
 * counter (index >>> 2, stream, step, 0), word index & 3. uniform: bits (i32) -> f32 (bits >>> 8) * 2^-24.
 */
export const instructionOps = [
  "neg",
  "recip",
  "exp",
  "log",
  "sin",
  "cos",
  "sqrt",
  "tanh",
  "sigmoid",
  "erf",
  "atan",
  "floor",
  "abs",
  "sign",
  "toFloat",
  "toInt",
  "toBool",
  "toByte",
  "toHalf",
  "random",
  "uniform",
  "add",
  "mul",
  "div",
  "max",
  "lt",
  "eq",
  "where",
] as const;
export type InstructionOp = (typeof instructionOps)[number];

/** One instruction; `inputs` are register numbers: loads come first, then instructions in order. */
export interface Instruction {
  op: InstructionOp;
  type: "f32" | "i32";
  inputs: readonly number[];
}

/** Writes a register to memory at every point of a map group's space. u8/bool/i32 store from i32 registers, f32 from f32, f16 from f32 rounded as by toHalf. */
export interface Store {
  register: number;
  slot: number;
  dtype: DType;
  strides: readonly number[];
  offset: number;
}

/**
 * Elementwise work over an index space (`dims`, outermost first): loads, instructions, stores. A store may go to memory that the
 * group also loads, then always with the same strides and offset: every point reads before it writes.
 */
export interface MapGroup {
  kind: "map";
  dims: readonly number[];
  loads: readonly Load[];
  instructions: readonly Instruction[];
  stores: readonly Store[];
  commit: boolean;
  label: string;
}

/**
 * The same, then reduced over the dims flagged in `reduced`. A reduction's store has stride 0 in reduced dims.
 * sum: f32 or i32; max: f32 or i32, NaN propagates; argmax: i32 position in the one reduced dim, first on ties, NaN is largest.
 * An empty reduction gives 0 for sum; the ops refuse empty max.
 */
export interface ReduceGroup {
  kind: "reduce";
  dims: readonly number[];
  reduced: readonly boolean[];
  loads: readonly Load[];
  instructions: readonly Instruction[];
  reductions: readonly (Store & { op: "sum" | "max" | "argmax" })[];
  commit: boolean;
  label: string;
}

/** Geometry of a 2-d convolution, as PyTorch's conv2d. */
export interface ConvParams {
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
  groups: number;
}

/** Geometry of 2-d pooling. Average pooling divides by the kernel's size (padding counts as zeros) unless `countIncludePad` is false. */
export interface PoolParams {
  kind: "max" | "avg";
  kernel: readonly [number, number];
  stride: readonly [number, number];
  padding: readonly [number, number];
  countIncludePad: boolean;
}

/** Kernels that are no index-space programs, by op; operands are strided, shapes logical (images [N, C, H, W], weights [out, in/groups, kh, kw]). */
export interface ContractParams {
  /** inputs a [..., M, K], b [..., K, N] (same batch dims; broadcast dims have stride 0) -> [..., M, N], f32. */
  matmul: null;
  /** inputs x, w -> y. Image operands are channels-last (channel stride 1) as the planner lays them out. */
  conv2d: ConvParams;
  /** inputs dy, w -> dx. */
  conv2dInput: ConvParams;
  /** inputs x, dy -> dw. */
  conv2dWeight: ConvParams;
  /** inputs x -> y; padding of max pooling is -infinity; NaN propagates. */
  pool: PoolParams;
  /** inputs x, dy -> dx (max: recomputes the first maximum of each window) . avg reads only dy's values. */
  poolBack: PoolParams;
  /** torch.gather: inputs x, index (i32) -> out[i..] = x[.., index[i..] along axis, ..]. x and index have equal rank, index sizes at most x's off axis. Sets the guard when out of range. */
  gather: { axis: number };
  /** inputs index (i32), source (same shape) -> zeros with source added at index along axis; combines in index order. Sets the guard when out of range. */
  scatterAdd: { axis: number };
  /** along the last axis, stable, NaN last (first when descending): input x -> outputs values, indices (i32). */
  sort: { descending: boolean };
  /** input x (f32): sets the guard when any element is NaN or infinite. No outputs. */
  checkFinite: null;
}
export type ContractOp = keyof ContractParams;

/** One contraction: reads `inputs`, writes every element of `outputs`. */
export interface ContractGroup<O extends ContractOp = ContractOp> {
  kind: "contract";
  op: O;
  params: ContractParams[O];
  inputs: readonly Operand[];
  outputs: readonly Operand[];
  commit: boolean;
  label: string;
}

/** One kernel of a plan. A group with `commit` writes a cell in place and is skipped while the submission's guard word is set. */
export type Group = MapGroup | ReduceGroup | { [O in ContractOp]: ContractGroup<O> }[ContractOp];

/** A planned submission: groups run in order; scratch slots live in one region of `scratchBytes`. */
export interface Plan {
  groups: readonly Group[];
  slots: readonly Slot[];
  scratchBytes: number;
  scalarCount: number;
}

/** Device memory that somebody owns: a cell, a kept or a realized tensor. Opaque to all but its backend. */
export interface Allocation {
  readonly bytes: number;
}

/** A plan made ready by a backend. */
export interface Executable {
  /** Releases what the backend holds for it (the plan cache evicted it). */
  dispose(): void;
}

/** What changes from one submission of a plan to the next. */
export interface Submission {
  /** by Slot.index of the bound slots. */
  bound: readonly Allocation[];
  /** by Slot.index of the upload slots; copied before submit returns. */
  uploads: readonly HostArray[];
  scalars: Int32Array;
}

/** Why a submission's commits were skipped: the kind of fault, the group that met it, and the offending value (an index) when there is one. */
export interface GuardReport {
  fault: "index" | "nonFinite";
  group: number;
  value: number;
}

/** Counters of device memory, in bytes. */
export interface DeviceMemory {
  /** Owned by cells, kept and realized tensors. */
  allocatedBytes: number;
  /** The scratch and upload regions, shared by all plans. */
  scratchBytes: number;
}

/** A device that runs plans, one after another in the order of submission. */
export interface Backend {
  /** `native`, `wasm`, `webgpu`, `null`... */
  readonly name: string;
  /** What computes and why it was chosen, in one line for people; backends with nothing to choose leave it out. */
  readonly about?: string;
  /** Contractions read and write f16; for other backends plans widen operands and round results in groups of their own. */
  readonly contractsHalves?: boolean;
  compile(plan: Plan): Executable;
  /** Resolves when the plan has run, with the guard's report or undefined. Host data and scalars are copied before it returns. */
  submit(executable: Executable, submission: Submission): Promise<GuardReport | undefined>;
  allocate(bytes: number): Allocation;
  /** The memory may be reused by submissions and writes made after this call. */
  release(allocation: Allocation): void;
  /** Copies host data into an allocation, ordered after what was submitted before. */
  write(allocation: Allocation, data: HostArray): void;
  /** Copies `count` elements of `dtype` to the host, after what was submitted before. */
  read<A extends HostArray>(allocation: Allocation, into: A): Promise<A>;
  memory(): DeviceMemory;
  /** Returns unused memory to the system. */
  freeMemory(): void;
  /**
   * While `record` is set, runs the kernels of a submission one after another, each timed, and calls it for every one; undefined
   * goes back to normal. Backends that cannot tell kernels apart leave it out.
   */
  time?(record: TimeKernel | undefined): void;
  /** Ends threads and workers; later calls throw. */
  close(): Promise<void>;
}

/** Takes the time that group `group` of a plan took, in milliseconds. */
export type TimeKernel = (plan: Plan, group: number, milliseconds: number) => void;
