import type {
  Allocation,
  Backend,
  ContractGroup,
  DeviceMemory,
  Executable,
  Group,
  GuardReport,
  Load,
  MapGroup,
  Plan,
  ReduceGroup,
  Submission,
} from "../../src/backend.js";
import type { HostArray } from "../../src/dtype.js";
import { sizeOf } from "../../src/shape.js";
import { exceeds, offsets } from "../reference/array.js";
import { type Fault, runContract } from "./contractions.js";
import { instructions } from "./instructions.js";
import { Memory } from "./memory.js";

const granule = 64;
const round = (bytes: number) => Math.ceil(Math.max(bytes, 1) / granule) * granule;

class Block implements Allocation {
  readonly bytes: number;
  readonly memory: Memory;
  released = false;
  constructor(bytes: number) {
    this.bytes = bytes;
    this.memory = new Memory(new ArrayBuffer(round(bytes)), 0, bytes);
    garbage(this.memory.buffer);
  }
}

/** What memory holds before anything is written: NaN as f32, and no small number as i32 or u8. */
function garbage(buffer: ArrayBuffer): void {
  new Uint32Array(buffer).fill(0x7fc5a5a5);
}

class Program implements Executable {
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
 * Runs plans one element at a time, exactly as backend.ts words them, to tell faults of the planner from faults of kernels.
 * It refuses what real devices would silently do: access outside a slot, use of released memory, groups whose points read
 * what other points write. Scratch memory starts as garbage in every submission.
 */
export class Interpreter implements Backend {
  readonly name = "interpreter";
  /** The groups that ran, over all submissions. */
  groupsRun = 0;
  private allocated = 0;
  private scratch = 0;

  compile(plan: Plan): Executable {
    for (const slot of plan.slots) {
      if (slot.kind === "scratch" && (slot.offset % granule !== 0 || slot.offset + slot.bytes > plan.scratchBytes)) {
        throw new Error(`scratch slot at ${slot.offset} of ${slot.bytes} bytes does not fit ${plan.scratchBytes}`);
      }
    }
    return new Program(plan);
  }

  submit(executable: Executable, { bound, uploads, scalars }: Submission): Promise<GuardReport | undefined> {
    const { plan, disposed } = executable as Program;
    if (disposed) throw new Error("a disposed plan was submitted");
    if (scalars.length !== plan.scalarCount)
      throw new Error(`${scalars.length} scalars for a plan of ${plan.scalarCount}`);
    const scratch = new ArrayBuffer(round(plan.scratchBytes));
    garbage(scratch);
    this.scratch = Math.max(this.scratch, plan.scratchBytes);
    const slots = plan.slots.map(({ kind, bytes, offset, index }) => {
      if (kind === "scratch") return new Memory(scratch, offset, bytes);
      if (kind === "upload") return copyOf(uploads[index]!, bytes);
      const block = bound[index] as Block;
      if (block.released) throw new Error("released memory is bound to a plan");
      if (block.bytes < bytes) throw new Error(`a slot of ${bytes} bytes is bound to ${block.bytes} bytes`);
      return block.memory;
    });
    let guard: GuardReport | undefined;
    plan.groups.forEach((group, at) => {
      if (group.commit && guard) return;
      this.groupsRun++;
      const report = run(group, slots, scalars);
      guard ??= report && { ...report, group: at };
    });
    return Promise.resolve(guard);
  }

  allocate(bytes: number): Allocation {
    this.allocated += bytes;
    return new Block(bytes);
  }

  release(allocation: Allocation): void {
    const block = allocation as Block;
    if (block.released) throw new Error("memory is released twice");
    block.released = true;
    this.allocated -= block.bytes;
  }

  write(allocation: Allocation, data: HostArray): void {
    const { buffer } = (allocation as Block).memory;
    new Uint8Array(buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  read<A extends HostArray>(allocation: Allocation, into: A): Promise<A> {
    const block = allocation as Block;
    if (block.released) throw new Error("released memory is read");
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(
      new Uint8Array(block.memory.buffer, 0, into.byteLength),
    );
    return Promise.resolve(into);
  }

  memory(): DeviceMemory {
    return { allocatedBytes: this.allocated, scratchBytes: this.scratch };
  }

  freeMemory(): void {
    this.scratch = 0;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function copyOf(data: HostArray, bytes: number): Memory {
  if (data.byteLength < bytes) throw new Error(`an upload of ${data.byteLength} bytes for a slot of ${bytes}`);
  const memory = new Memory(new ArrayBuffer(round(bytes)), 0, bytes);
  new Uint8Array(memory.buffer).set(new Uint8Array(data.buffer, data.byteOffset, bytes));
  return memory;
}

function run(group: Group, slots: readonly Memory[], scalars: Int32Array): Fault | undefined {
  if (group.kind === "contract") return runContract(group as ContractGroup, slots);
  const registers = evaluate(group, slots, scalars);
  if (group.kind === "map") {
    for (const store of group.stores) {
      const to = offsets(group.dims, store.strides, store.offset);
      const values = registers[store.register]!;
      for (let i = 0; i < to.length; i++) slots[store.slot]!.set(store.dtype, to[i]!, values[i]!);
    }
  } else reduce(group, registers, slots);
  return undefined;
}

/** The values of every register at every point of the group's space. */
function evaluate(group: MapGroup | ReduceGroup, slots: readonly Memory[], scalars: Int32Array): Float64Array[] {
  const points = sizeOf(group.dims);
  const registers = group.loads.map((load) => loaded(load, group.dims, slots, scalars));
  for (const { op, type, inputs } of group.instructions) {
    const compute = instructions[op];
    const x = inputs.map((r) => registers[r]!);
    if (x.includes(undefined as never)) throw new Error(`${op} reads register ${inputs} before it is computed`);
    const out = new Float64Array(points);
    const arguments_ = new Array<number>(x.length);
    for (let i = 0; i < points; i++) {
      for (let k = 0; k < x.length; k++) arguments_[k] = x[k]![i]!;
      out[i] = compute(type, ...arguments_);
    }
    registers.push(out);
  }
  refuseRaces(group, slots);
  return registers;
}

const scalarBits = new DataView(new ArrayBuffer(4));

function loaded(load: Load, dims: readonly number[], slots: readonly Memory[], scalars: Int32Array): Float64Array {
  if (load.kind === "scalar") {
    scalarBits.setInt32(0, scalars[load.index]!);
    return new Float64Array(sizeOf(dims)).fill(
      load.dtype === "f32" ? scalarBits.getFloat32(0) : scalarBits.getInt32(0),
    );
  }
  const at = offsets(dims, load.strides, load.offset);
  return load.kind === "iota"
    ? Float64Array.from(at)
    : Float64Array.from(at, (a) => slots[load.slot]!.get(load.dtype, a));
}

/** Throws when a point of the group loads what another point stores, or two points store to one place: the order of points is free. */
function refuseRaces(group: MapGroup | ReduceGroup, slots: readonly Memory[]): void {
  const stores = group.kind === "map" ? group.stores : group.reductions;
  const writers = new Map<ArrayBuffer, Map<number, number>>();
  const key = (point: number) => (group.kind === "map" ? point : -1);
  for (const { slot, dtype, strides, offset } of stores) {
    const memory = slots[slot]!;
    const written = writers.get(memory.buffer) ?? new Map<number, number>();
    writers.set(memory.buffer, written);
    offsets(group.dims, strides, offset).forEach((at, point) => {
      const address = memory.address(dtype, at);
      if (group.kind === "map" && written.has(address))
        throw new Error(`${group.label}: two stores to byte ${address}`);
      written.set(address, key(point));
    });
  }
  for (const load of group.loads) {
    if (load.kind !== "memory") continue;
    const memory = slots[load.slot]!;
    const written = writers.get(memory.buffer);
    if (!written) continue;
    offsets(group.dims, load.strides, load.offset).forEach((at, point) => {
      const writer = written.get(memory.address(load.dtype, at));
      if (writer !== undefined && (writer !== point || group.kind === "reduce")) {
        throw new Error(`${group.label}: point ${point} loads what point ${writer} stores`);
      }
    });
  }
}

function reduce(group: ReduceGroup, registers: readonly Float64Array[], slots: readonly Memory[]): void {
  const start = { sum: 0, max: -Infinity, argmax: -1 };
  const kept = group.dims.map((d, i) => (group.reduced[i] ? 1 : d));
  const axis = group.reduced.indexOf(true);
  const positions = offsets(
    group.dims,
    group.dims.map((_, i) => (i === axis ? 1 : 0)),
  );
  for (const { op, register, slot, dtype, strides, offset } of group.reductions) {
    if (strides.some((s, i) => group.reduced[i] && group.dims[i]! > 1 && s !== 0))
      throw new Error(`${group.label}: a store moves along a reduced dim`);
    const memory = slots[slot]!;
    const values = registers[register]!;
    const to = offsets(group.dims, strides, offset);
    const totals = new Map<number, { value: number; at: number }>();
    for (const at of offsets(kept, strides, offset)) totals.set(at, { value: start[op], at: -1 });
    for (let i = 0; i < to.length; i++) {
      const total = totals.get(to[i]!)!;
      const v = values[i]!;
      if (op === "sum") total.value += v;
      else if (op === "max") total.value = Math.max(total.value, v);
      else if (total.at < 0 || exceeds(v, total.value)) {
        total.value = v;
        total.at = positions[i]!;
      }
    }
    for (const [at, total] of totals) memory.set(dtype, at, op === "argmax" ? total.at : total.value);
  }
}
