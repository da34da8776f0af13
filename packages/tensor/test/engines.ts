import type { Backend } from "../src/backend.js";
import { instructionSets } from "../src/backends/cpu/instructionSets.js";
import { openNative } from "../src/backends/cpu/native.js";
import { openWasmSync } from "../src/backends/cpu/wasmHost.node.js";
import { webgpu } from "../src/backends/webgpu/webgpu.js";
import { handle, topological } from "../src/node.js";
import { realize, setFusion, use } from "../src/realize.js";
import type { Tensor } from "../src/tensor.js";
import { Interpreter } from "./interpreter/interpreter.js";
import { evaluateAll } from "./reference.js";
import { cpuBackends, runsHere } from "./runtime/backends.js";
import { softwareGpu } from "./webgpu/softwareGpu.js";

/** True in the lane of WebGPU: the backend is opened once a file, and cases are fewer, because shaders take long to compile on a processor. */
export const onWebGpu = process.env.FAI_TEST_DEVICE === "webgpu";
const gpu = onWebGpu ? await webgpu({ gpu: await softwareGpu() }) : undefined;

/** Something that computes graphs. */
export interface Engine {
  readonly name: string;
  /** Largest error of an f32 element, relative to what `compare` says. */
  readonly tolerance: number;
  /** The elements of all values, computed together, row-major. */
  read(values: readonly Tensor[]): Promise<ArrayLike<number>[]>;
}

/** The naive f64 evaluator of unplanned graphs. */
export const reference: Engine = {
  name: "reference",
  tolerance: 1e-8,
  read: (values) => Promise.resolve(evaluateAll(values).map(({ data }) => data)),
};

/** A backend behind the planner, with fusion or op by op. */
export function planned(backend: Backend, { fusion = true, tolerance = 1e-5, name = backend.name } = {}): Engine {
  return {
    name: fusion ? name : `${name}, op by op`,
    tolerance,
    async read(values) {
      use(backend);
      setFusion(fusion);
      try {
        await realize(...values);
        return await Promise.all(values.map((v) => v.data()));
      } finally {
        setFusion(true);
      }
    },
  };
}

/** The same in several submissions: some of the graph's nodes stay on the device, some are read, then the rest reads them. */
export function staged(backend: Backend): Engine {
  const whole = planned(backend);
  return {
    ...whole,
    name: `${backend.name}, in stages`,
    async read(values) {
      use(backend);
      const nodes = topological(values, () => false).filter((node) => node.op !== "leaf");
      const kept = nodes.filter((_, i) => i % 5 === 2).map((node) => handle(node, node.outputs.length - 1));
      await realize(...kept);
      for (const node of nodes.filter((_, i) => i % 7 === 3)) await handle(node).data();
      return whole.read(values);
    },
  };
}

/** Every backend that runs here: the plan interpreter, WASM, and the addon where it is built; or WebGPU in its lane. */
export function backends(): Backend[] {
  if (gpu) return [gpu];
  const native = runsHere("native") ? [openNative()] : [];
  const wasm = runsHere("wasm") ? [openWasmSync()] : [];
  return [new Interpreter(), ...native, ...wasm];
}

/** An engine for every build of the CPU kernels that this machine can run, whether it would be chosen or not. */
export function builds(): Engine[] {
  if (gpu) return [planned(gpu, { tolerance: 2e-5 })];
  const wasm = cpuBackends.filter(([name]) => name !== "native").map(([name, open]) => planned(open(), { name }));
  const native = runsHere("native") ? instructionSets.native : [];
  const engines = native.flatMap((isa) => {
    const backend = openIsa(isa);
    return backend ? [planned(backend, { name: `native ${isa}` })] : [];
  });
  const baseline = process.env.FAI_ISA ? [] : [planned(openWasmSync({ isa: "simd128" }), { name: "wasm, baseline" })];
  return [...engines, ...wasm, ...baseline];
}

function openIsa(isa: (typeof instructionSets.native)[number]): Backend | undefined {
  try {
    return openNative({ isa });
  } catch (error) {
    if ((error as Error).message.includes(`does not run ${isa}`)) return undefined;
    throw error;
  }
}
