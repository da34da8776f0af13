import { TensorError } from "../../errors.js";
import { askedIsa, type instructionSets } from "./instructionSets.js";

// A module whose one function is a relaxed multiply-add of three vectors.
// biome-ignore format: sections
const probe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 8, 1, 96, 3, 123, 123, 123, 1, 123,
  3, 2, 1, 0,
  10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11,
]);

/** Whether this engine's WebAssembly multiplies and adds in one instruction (relaxed SIMD). */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(probe);
}

/** The instruction sets of the WASM kernels. */
export type WasmIsa = (typeof instructionSets.wasm)[number];

/** The build to run: the one that is asked for, else the faster one that the engine has. Throws a TensorError when it lacks it. */
export function chooseWasmIsa(option: string | undefined, environment?: string): WasmIsa {
  const best = hasRelaxedSimd() ? "relaxed" : "simd128";
  const asked = askedIsa("wasm", option, environment) ?? best;
  if (asked === "relaxed" && best !== asked) {
    throw new TensorError("cpu", "this engine's WebAssembly has no relaxed SIMD. Ask for simd128, or leave isa out.");
  }
  return asked;
}
