import { afterAll, expect } from "vitest";
import type { Backend, Group, GuardReport, Plan, Slot } from "../../src/backend.js";
import type { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import { instructionSets } from "../../src/backends/cpu/instructionSets.js";
import { openNative } from "../../src/backends/cpu/native.js";
import { openWasmSync } from "../../src/backends/cpu/wasmHost.node.js";
import { webgpu } from "../../src/backends/webgpu/webgpu.js";
import { WebGpuBackend } from "../../src/backends/webgpu/webgpuBackend.js";
import type { HostArray } from "../../src/dtype.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { runsHere } from "../runtime/backends.js";
import { softwareGpu } from "../webgpu/softwareGpu.js";
import { record } from "./record.js";

/** How many of `count` random cases a lane runs: shaders take long to compile where a processor plays the GPU. */
export function seeds(count: number): number {
  return process.env.FAI_TEST_DEVICE === "webgpu" ? Math.ceil(count / 40) : count;
}

/** Groups over slots that hold `memory` before; every slot is compared afterwards. */
export interface Work {
  groups: readonly Group[];
  memory: readonly HostArray[];
  scalars?: Int32Array;
}

/** What is left in memory, and the guard's report. */
export interface Outcome {
  memory: HostArray[];
  report: GuardReport | undefined;
}

// Opened once a file, in the lane of WebGPU alone.
const gpu = process.env.FAI_TEST_DEVICE === "webgpu" ? await openGpu() : [];

/** Both shapes of the WebGPU kernels: for processors that play a GPU, and for GPUs. */
async function openGpu(): Promise<Backend[]> {
  return Promise.all([true, false].map(async (software) => webgpu({ gpu: await softwareGpu(), software })));
}

/**
 * The kernels of every instruction set that runs here, side by side: the best with one to four threads and without machine code,
 * the others with fewer; or those of WebGPU.
 */
export function backends(): Backend[] {
  if (gpu.length > 0) {
    afterAll(() => Promise.all(gpu.map((backend) => backend.close())));
    return gpu;
  }
  const list: CpuBackend[] = [];
  // FAI_ISA overrides what is asked for, so that there is one instruction set then.
  const sets = (engine: "native" | "wasm") =>
    process.env.FAI_ISA
      ? instructionSets[engine].filter((isa) => isa === process.env.FAI_ISA)
      : instructionSets[engine];
  for (const isa of runsHere("native") ? sets("native") : []) {
    const isFirst = list.length === 0;
    try {
      const others = isFirst ? [openNative({ isa, threads: 1, machineCode: false })] : [];
      const counts = isFirst ? [1, 2, 3, 4] : [1, 3];
      list.push(...others, ...counts.map((threads) => openNative({ isa, threads })));
    } catch (error) {
      // This processor does not have it.
      if (!(error as Error).message.includes(`does not run ${isa}`)) throw error;
    }
  }
  for (const isa of sets("wasm")) list.push(...[1, 3].map((threads) => openWasmSync({ isa, threads })));
  afterAll(() => Promise.all(list.map((backend) => backend.close())));
  return list;
}

/** Runs groups on a backend, each slot in an allocation of its own. */
export async function outcome(backend: Backend, { groups, memory, scalars }: Work): Promise<Outcome> {
  const slots: Slot[] = memory.map((data, index) => ({ kind: "bound", bytes: data.byteLength, offset: 0, index }));
  const given = scalars ?? new Int32Array(0);
  const plan: Plan = { groups, slots, scratchBytes: 0, scalarCount: given.length };
  const bound = memory.map((data) => {
    const allocation = backend.allocate(data.byteLength);
    backend.write(allocation, data);
    return allocation;
  });
  const executable = backend.compile(plan);
  const report = await backend.submit(executable, { bound, uploads: [], scalars: given });
  const after = await Promise.all(memory.map((data, i) => backend.read(bound[i]!, data.slice())));
  executable.dispose();
  for (const allocation of bound) backend.release(allocation);
  return { memory: after, report };
}

/** Throws when values differ by more than `tolerance`, relative to the larger of 1 and the value. */
export function expectClose(actual: HostArray, expected: HostArray, tolerance: number, what: string): void {
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i]!;
    const got = actual[i]!;
    if (Object.is(got, want) || got === want || (Number.isNaN(got) && Number.isNaN(want))) continue;
    const off = Math.abs(got - want) / Math.max(1, Math.abs(want));
    if (!(off <= tolerance)) expect.fail(`${what}: element ${i} is ${got}, expected ${want} (off by ${off})`);
  }
}

/**
 * Runs the work on the plan interpreter and on all backends. Values may differ from the interpreter by `tolerance`;
 * an instruction set gives the same bits with any number of threads, compiled or interpreted.
 */
export async function expectAgreement(list: readonly Backend[], work: Work, tolerance: number, what: string) {
  const expected = await outcome(new Interpreter(), work);
  if (process.env.FAI_RECORD) return record(process.env.FAI_RECORD, work, expected, tolerance);
  const single = new Map<string, Outcome>();
  for (const backend of list) {
    const actual = await outcome(backend, work);
    const { isa, name } = described(backend, what);
    // Shaders round products before they add them.
    const slack = backend instanceof WebGpuBackend ? 2 : 1;
    expect(actual.report, name).toEqual(expected.report);
    if (expected.report !== undefined) continue;
    const other = single.get(isa);
    actual.memory.forEach((data, slot) => {
      if (other === undefined) expectClose(data, expected.memory[slot]!, tolerance * slack, `${name}, slot ${slot}`);
      else expect(bytesOf(data).equals(bytesOf(other.memory[slot]!)), `${name} gives the same bits`).toBe(true);
    });
    if (other === undefined) single.set(isa, actual);
  }
}

function described(backend: Backend, what: string): { isa: string; name: string } {
  if (backend instanceof WebGpuBackend) {
    const isa = backend.software ? "webgpu, software" : "webgpu, hardware";
    return { isa, name: `${what} on ${isa}` };
  }
  const { isa, threads } = (backend as CpuBackend).engine;
  return { isa, name: `${what} on ${isa} with ${threads} threads` };
}

function bytesOf(data: HostArray): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
