import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { HostArray } from "../../dtype.js";
import { TensorError } from "../../errors.js";
import { lineBytes } from "../../memory.js";
import { CpuBackend } from "./cpuBackend.js";
import type { CpuEngine, CpuOptions, Job } from "./engine.js";
import { CodeBuffer } from "./jit/codeBuffer.js";
import { machineBytes, threadCount } from "./machine.node.js";

/** The addon's functions; positions and sizes are integers in lines, `backend` is what `open` returned. */
interface Addon {
  supports(isa: string): boolean;
  open(isa: string, threads: number, reserveBytes: number, completed: () => void): object;
  close(backend: object): void;
  capacity(backend: object): number;
  commit(backend: object, lines: number): boolean;
  discard(backend: object, line: number, lines: number): void;
  write(backend: object, line: number, data: HostArray): void;
  read(backend: object, line: number, into: HostArray): void;
  run(backend: object, program: number, words: number, block: number, scalars: number, workspace: number): number;
  enqueue(backend: object, program: number, words: number, block: number, scalars: number, workspace: number): void;
  completed(backend: object): number;
  hold(backend: object, busy: boolean): void;
  placeCode(code: Uint8Array): number;
  freeCode(address: number, bytes: number): void;
}

const instructionSets = ["avx512", "avx2"] as const;

// From src/backends/cpu as from dist/backends/cpu.
const path = fileURLToPath(new URL("../../../build/fai-cpu.node", import.meta.url));
let loaded: Addon | TensorError | undefined;

/** The addon, or why there is none. */
function addon(): Addon | TensorError {
  if (loaded !== undefined) return loaded;
  try {
    loaded = existsSync(path) ? (createRequire(import.meta.url)(path) as Addon) : unavailable("it is not built");
  } catch (cause) {
    loaded = unavailable("it does not load on this system", cause);
  }
  return loaded;
}

function unavailable(reason: string, cause?: unknown): TensorError {
  const advice = "Build it with `npm run setup` (it needs a C++ compiler), or leave FAI_BACKEND unset to run on WASM";
  return new TensorError("cpu", `the native backend is not available: ${reason}. ${advice}.`, { cause });
}

/** Why the native backend cannot run here, or undefined when it can. */
export function nativeProblem(): TensorError | undefined {
  const found = addon();
  if (found instanceof TensorError) return found;
  if (instructionSets.some((isa) => found.supports(isa))) return undefined;
  return unavailable("this processor has neither AVX2 nor AVX-512");
}

function chooseIsa(found: Addon, asked: CpuOptions["isa"]): string {
  const wanted = process.env.FAI_ISA || asked;
  const isNamed = wanted !== undefined && wanted !== "simd128" && wanted !== "relaxed";
  const isa = isNamed ? wanted : instructionSets.find((it) => found.supports(it));
  if (isa !== undefined && found.supports(isa)) return isa;
  throw new TensorError("cpu", `this processor does not run ${isa}. Known are ${instructionSets.join(" and ")}`);
}

/** Some systems let no program make new code: what elementwise work is compiled to is interpreted there. */
function allowsCode(found: Addon): boolean {
  const tried = Uint8Array.of(0xc3);
  const address = found.placeCode(tried);
  if (address !== 0) found.freeCode(address, tried.length);
  return address !== 0;
}

class NativeEngine implements CpuEngine {
  readonly name = "native";
  readonly isa: string;
  readonly threads: number;
  readonly capacityLines: number;
  readonly slowdown = 1;
  readonly canQueue = true;
  onComplete = () => {};
  readonly #addon: Addon;
  readonly #takesCode: boolean;
  readonly #backend: object;

  constructor(found: Addon, options: CpuOptions) {
    this.#addon = found;
    this.isa = chooseIsa(found, options.isa);
    this.threads = threadCount(options.threads);
    this.#takesCode = process.arch === "x64" && options.machineCode !== false && allowsCode(found);
    // Address space only. Twice the memory, because blocks of many sizes leave gaps between them.
    const reserve = Math.min(2 * machineBytes(), (2 ** 32 - 1) * lineBytes);
    this.#backend = found.open(this.isa, this.threads, reserve, () => this.onComplete());
    this.capacityLines = Math.floor(found.capacity(this.#backend) / lineBytes);
  }

  commit(lines: number): boolean {
    return this.#addon.commit(this.#backend, lines);
  }

  discard(line: number, lines: number): void {
    this.#addon.discard(this.#backend, line, lines);
  }

  write(line: number, data: HostArray): void {
    this.#addon.write(this.#backend, line, data);
  }

  read(line: number, into: HostArray): void {
    this.#addon.read(this.#backend, line, into);
  }

  newCode(): CodeBuffer | undefined {
    return this.#takesCode ? new CodeBuffer() : undefined;
  }

  placeCode(code: Uint8Array): number {
    return this.#addon.placeCode(code);
  }

  freeCode(address: number, bytes: number): void {
    this.#addon.freeCode(address, bytes);
  }

  run({ program, words, block, scalars, workspace }: Job): number {
    return this.#addon.run(this.#backend, program, words, block, scalars, workspace);
  }

  enqueue({ program, words, block, scalars, workspace }: Job): void {
    this.#addon.enqueue(this.#backend, program, words, block, scalars, workspace);
  }

  completed(): number {
    return this.#addon.completed(this.#backend);
  }

  hold(busy: boolean): void {
    this.#addon.hold(this.#backend, busy);
  }

  async close(): Promise<void> {
    this.#addon.close(this.#backend);
  }
}

/** Opens the native CPU backend: the C++ kernels in a Node-API addon. Throws a TensorError when it cannot run here. */
export function openNative(options: CpuOptions = {}): CpuBackend {
  const problem = nativeProblem();
  if (problem !== undefined) throw problem;
  const budgetBytes = options.budgetBytes ?? machineBytes();
  return new CpuBackend(new NativeEngine(addon() as Addon, options), { ...options, budgetBytes });
}
