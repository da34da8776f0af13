import { TensorError } from "../../errors.js";

/** What the kernels of each engine are compiled for, the best first. */
export const instructionSets = { native: ["avx512", "avx2", "neon"], wasm: ["relaxed", "simd128"] } as const;

/** The engines of the CPU. */
export type CpuEngineName = keyof typeof instructionSets;

/** The engine that has an instruction set of this name, or undefined. */
export function engineOf(isa: string | undefined): CpuEngineName | undefined {
  const names = Object.keys(instructionSets) as CpuEngineName[];
  return names.find((name) => instructionSets[name].some((it) => it === isa));
}

/**
 * The instruction set that `engine` is asked for: FAI_ISA before the option `isa`; undefined when neither is set. Throws a
 * TensorError when it is none of the engine's.
 */
export function askedIsa<E extends CpuEngineName>(
  engine: E,
  option: string | undefined,
  environment?: string,
): (typeof instructionSets)[E][number] | undefined {
  const asked = environment || option;
  if (asked === undefined) return undefined;
  const known: readonly string[] = instructionSets[engine];
  if (known.includes(asked)) return asked as (typeof instructionSets)[E][number];
  const where = environment ? `FAI_ISA=${asked}` : `isa: "${asked}"`;
  const owner = engineOf(asked);
  const advice = owner
    ? ` ${asked} is of the ${owner} backend: ask for that one (FAI_BACKEND=${owner}), or for no isa.`
    : "";
  throw new TensorError(
    "cpu",
    `${where} is no instruction set of the ${engine} backend, expected ${known.join(", ")}.${advice}`,
  );
}
