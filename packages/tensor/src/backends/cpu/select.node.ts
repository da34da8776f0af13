import { debuglog } from "node:util";
import type { Backend } from "../../backend.js";
import { TensorError } from "../../errors.js";
import type { CpuBackend } from "./cpuBackend.js";
import type { CpuOptions } from "./engine.js";
import { engineOf, instructionSets } from "./instructionSets.js";
import { foundAddon, nativeProblem, openNative } from "./native.js";
import { openWasmSync } from "./wasmHost.node.js";

export type { CpuOptions } from "./engine.js";
export { openNative } from "./native.js";
export { openWasmSync } from "./wasmHost.node.js";

/** What `openCpu` takes. */
export interface OpenCpuOptions extends CpuOptions {
  /** Which kernels (default: the one of `isa`, else native where it runs, else wasm; FAI_BACKEND overrides). */
  backend?: "native" | "wasm";
}

/**
 * Opens the CPU backend: the native addon where there is one (built here, else of the package for this platform) and the processor is
 * fit for it, else WASM; or the one that FAI_BACKEND or `backend` names, or that has the instruction set of FAI_ISA or `isa`.
 * `about` of the result says which and why, and NODE_DEBUG=fai prints it. An addon that is there and does not load is a warning.
 */
export function openCpuSync(options: OpenCpuOptions = {}): Backend {
  const opened = open(options);
  debuglog("fai")(opened.about);
  return opened;
}

function open(options: OpenCpuOptions): CpuBackend {
  const { FAI_BACKEND, FAI_ISA } = process.env;
  const asked = FAI_BACKEND || options.backend;
  const by = FAI_BACKEND ? "by FAI_BACKEND" : "by the option backend";
  if (asked === "native") return openNative(options, `asked for ${by}`);
  if (asked === "wasm") return openWasmSync(options, `asked for ${by}`);
  if (asked !== undefined) {
    throw new TensorError("cpu", `unknown backend ${asked} (asked for ${by}), expected native or wasm.`);
  }
  const isa = FAI_ISA || options.isa;
  const owner = engineOf(isa);
  if (owner === "wasm") return openWasmSync(options, `asked for by the instruction set ${isa}`);
  if (isa !== undefined && owner === undefined) {
    const known = Object.values(instructionSets).flat().join(", ");
    throw new TensorError(
      "cpu",
      `unknown instruction set ${isa} (FAI_ISA or the option isa), expected one of ${known}.`,
    );
  }
  const problem = nativeProblem();
  warnOfBroken(problem !== undefined);
  // Whoever asks for native instructions is not served by WASM.
  if (problem === undefined || owner === "native") return openNative(options, "the best here");
  return openWasmSync(options, problem.message.replace(/^\[cpu\] /, ""));
}

let warned = false;

/** An addon that is there and does not load is no choice of anybody's: it is said once, with what runs in its place. */
function warnOfBroken(isWasm: boolean): void {
  if (warned) return;
  warned = true;
  const instead = isWasm ? "The WASM kernels run, about three times slower" : "Another one is used";
  for (const { reason } of foundAddon().broken) {
    process.emitWarning(`[cpu] ${reason}. ${instead}.`, { type: "FaiWarning", code: "FAI_NATIVE" });
  }
}

/** `openCpuSync` under the name that browsers have as well. */
export async function openCpu(options: OpenCpuOptions = {}): Promise<Backend> {
  return openCpuSync(options);
}

/** `openWasmSync` under the name that browsers have as well. */
export async function openWasm(options: CpuOptions = {}): Promise<Backend> {
  return openWasmSync(options);
}
