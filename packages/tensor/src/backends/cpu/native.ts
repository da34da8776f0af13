import type { HostArray } from "../../dtype.js";
import { TensorError } from "../../errors.js";
import { lineBytes } from "../../memory.js";
import { type Addon, addonPlaces, type FoundAddon, findAddon } from "./addon.node.js";
import { CpuBackend } from "./cpuBackend.js";
import type { CpuEngine, CpuOptions, Job } from "./engine.js";
import { askedIsa, instructionSets } from "./instructionSets.js";
import { CodeBuffer } from "./jit/codeBuffer.js";
import { machineBytes, threadCount } from "./machine.node.js";

let found: FoundAddon | undefined;

/** The addon, looked for once. */
export function foundAddon(): FoundAddon {
  return (found ??= findAddon(addonPlaces()));
}

/** Why the native backend cannot run here, or undefined when it can. */
export function nativeProblem(): TensorError | undefined {
  const { addon, absent, broken } = foundAddon();
  if (addon === undefined) {
    const reasons = [...broken.map(({ reason }) => reason), ...absent].join(", ");
    return unavailable(reasons, "`npx fai-build-native` builds it with a C++ compiler", broken[0]?.cause);
  }
  if (instructionSets.native.some((isa) => addon.supports(isa))) return undefined;
  return unavailable(`this processor has none of ${instructionSets.native.join(", ")}`, "Only WASM runs on it");
}

function unavailable(reason: string, advice: string, cause?: unknown): TensorError {
  const message = `the native backend is not available: ${reason}. ${advice}. Leave FAI_BACKEND unset to run on WASM.`;
  return new TensorError("cpu", message, { cause });
}

function chooseIsa(addon: Addon, option: CpuOptions["isa"]): string {
  const asked = askedIsa("native", option, process.env.FAI_ISA);
  const here = instructionSets.native.filter((isa) => addon.supports(isa));
  if (asked === undefined) return here[0]!;
  if (here.some((isa) => isa === asked)) return asked;
  throw new TensorError("cpu", `this processor does not run ${asked}, only ${here.join(", ")}.`);
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

/**
 * Opens the native CPU backend: the C++ kernels in a Node-API addon. Throws a TensorError when it cannot run here.
 * @param reason why it was chosen, for the backend's `about`
 */
export function openNative(options: CpuOptions = {}, reason = "opened by name"): CpuBackend {
  const problem = nativeProblem();
  if (problem !== undefined) throw problem;
  const { addon, from } = foundAddon();
  const budgetBytes = options.budgetBytes ?? machineBytes();
  return new CpuBackend(new NativeEngine(addon!, options), { ...options, budgetBytes }, `${reason}, from ${from}`);
}
