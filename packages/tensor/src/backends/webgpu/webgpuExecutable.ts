import type { Executable, Plan } from "../../backend.js";
import { invariant } from "../../errors.js";
import { parameterWords } from "./codegen/assemble.js";
import type { Compiled } from "./compile.js";
import type { Block, Chunk } from "./heap.js";
import type { Kernel } from "./kernel.js";
import { type Pipeline, type Pipelines, parameterWindow } from "./pipelines.js";
import { type Range, type Segment, segmentsOf } from "./segments.js";

const stride = 256;

/** A kernel ready to be dispatched, for one choice of places in memory. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly pipeline: Pipeline;
  readonly segments: readonly Segment<Chunk>[];
  /** Bytes from the start of the parameters to its own. */
  readonly offset: number;
}

/** The base of an operand, as the parameters hold it: a slot's (or the workspace's) address, moved, less what is in front of its binding. */
interface Base {
  readonly at: number;
  /** The workspace counts as the slot behind the last one. */
  readonly slot: number;
  readonly start: number;
  readonly bytes: number | undefined;
  /** Byte of the chunk where the binding starts. */
  origin: number;
}

/** A plan made ready, at once or when the code that writes its kernels is loaded. */
export class WebGpuExecutable implements Executable {
  readonly plan: Plan;
  program: Program | undefined;
  /** Resolves, never rejects, when the program is there or has failed; undefined from then on. */
  pending: Promise<void> | undefined;
  failure: unknown;
  disposed = false;

  constructor(plan: Plan, compiled: Compiled | Promise<Compiled>, bindingBytes: number) {
    this.plan = plan;
    if (!(compiled instanceof Promise)) {
      this.program = new Program(plan, compiled, bindingBytes);
      return;
    }
    this.pending = compiled
      .then((written) => {
        this.program = new Program(plan, written, bindingBytes);
      })
      .catch((error: unknown) => {
        this.failure = error;
      })
      .then(() => {
        this.pending = undefined;
      });
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** The kernels of a plan: pipelines are made when it is known in which chunks its memory lies. */
export class Program {
  readonly plan: Plan;
  readonly compiled: Compiled;
  /** The parameters of all kernels: each starts at a multiple of 256 bytes. */
  readonly parameters: Int32Array;
  /** Bytes of the scratch region with the workspace behind it. */
  readonly scratchBytes: number;
  /** Bytes of the upload region, and where in it each upload slot starts (by Slot.index). */
  readonly uploadBytes: number;
  readonly uploadOffsets: number[] = [];
  readonly #offsets: number[] = [];
  readonly #bindingBytes: number;
  /** By kernel, the bases of its operands. */
  readonly #bases: Base[][] = [];
  readonly #scalarPositions: { at: number; scalar: number }[] = [];
  #dispatches: (Dispatch | undefined)[];
  /** By slot, and of the workspace: chunk and first byte at the last preparation. */
  readonly #chunks: (Chunk | undefined)[];
  readonly #bytes: number[];

  constructor(plan: Plan, compiled: Compiled, bindingBytes: number) {
    this.plan = plan;
    this.compiled = compiled;
    this.#bindingBytes = bindingBytes;
    this.scratchBytes = Math.ceil(plan.scratchBytes / 64) * 64 + compiled.workspaceBytes;
    this.#dispatches = compiled.kernels.map(() => undefined);
    this.#chunks = new Array(plan.slots.length + 1).fill(undefined);
    this.#bytes = new Array(plan.slots.length + 1).fill(-1);
    let bytes = 0;
    const fixed: { at: number; word: number }[] = [];
    for (const kernel of compiled.kernels) {
      this.#offsets.push(bytes);
      let at = bytes / 4;
      const words = parameterWords(kernel);
      invariant(words * 4 <= parameterWindow, `${kernel.label} has ${words} parameters`);
      this.#bases.push(
        kernel.places.map((place) => {
          const shared = { at: at++, bytes: place.bytes, origin: 0 };
          const { start = 0 } = place;
          return "slot" in place
            ? { ...shared, slot: place.slot, start }
            : { ...shared, slot: plan.slots.length, start: place.workspace + start };
        }),
      );
      for (const word of kernel.words ?? []) fixed.push({ at: at++, word });
      for (const scalar of kernel.scalars ?? []) this.#scalarPositions.push({ at: at++, scalar });
      bytes += Math.max(stride, Math.ceil((words * 4) / stride) * stride);
    }
    this.parameters = new Int32Array((bytes + parameterWindow) / 4);
    for (const { at, word } of fixed) this.parameters[at] = word;
    let upload = 0;
    for (const slot of plan.slots) {
      if (slot.kind !== "upload") continue;
      this.uploadOffsets[slot.index] = upload;
      upload += Math.ceil(slot.bytes / 64) * 64;
    }
    this.uploadBytes = upload;
  }

  /** Fills in the parameters of a submission and returns what to dispatch; pipelines may still be in the making. */
  prepare(
    bound: readonly Block[],
    scratch: Block,
    upload: Block,
    scalars: Int32Array,
    pipelines: Pipelines,
  ): readonly Dispatch[] {
    const { slots, scratchBytes } = this.plan;
    const moved = new Set<number>();
    const place = (s: number, { chunk, word }: Block, within: number) => {
      const byte = word * 4 + within;
      // Where a chunk is bound whole, its binding is the same wherever in it a slot lies.
      if (this.#chunks[s] !== chunk || (this.#bytes[s] !== byte && chunk.bytes > this.#bindingBytes)) moved.add(s);
      this.#chunks[s] = chunk;
      this.#bytes[s] = byte;
    };
    for (const [s, { kind, offset, index }] of slots.entries()) {
      if (kind === "bound") place(s, bound[index]!, 0);
      else if (kind === "scratch") place(s, scratch, offset);
      else place(s, upload, this.uploadOffsets[index]!);
    }
    place(slots.length, scratch, Math.ceil(scratchBytes / 64) * 64);
    const { kernels } = this.compiled;
    for (let k = 0; k < kernels.length; k++) {
      const bases = this.#bases[k]!;
      const known = this.#dispatches[k];
      if (!known || (moved.size > 0 && bases.some(({ slot }) => moved.has(slot))))
        this.#dispatches[k] = this.#dispatchOf(kernels[k]!, k, pipelines);
      for (const { at, slot, start, origin } of bases) this.parameters[at] = (this.#bytes[slot]! + start - origin) / 4;
    }
    for (const { at, scalar } of this.#scalarPositions) this.parameters[at] = scalars[scalar]!;
    return this.#dispatches.slice() as Dispatch[];
  }

  #dispatchOf(kernel: Kernel, k: number, pipelines: Pipelines): Dispatch {
    const bases = this.#bases[k]!;
    const { slots, scratchBytes } = this.plan;
    const ranges = bases.map(({ slot, start, bytes }): Range<Chunk> => {
      const from = this.#bytes[slot]! + start;
      const whole = slots[slot]?.bytes ?? scratchBytes;
      return { chunk: this.#chunks[slot]!, from, to: from + Math.ceil((bytes ?? whole) / 64) * 64 };
    });
    const { segments, spans } = segmentsOf(ranges, this.#bindingBytes);
    for (const [i, base] of bases.entries()) base.origin = spans[i]!.origin;
    return { kernel, pipeline: pipelines.of(kernel, spans, segments), segments, offset: this.#offsets[k]! };
  }

  /** Has the next submission try the kernels once more that could not be compiled. */
  forgetFailures(): void {
    this.#dispatches = this.#dispatches.map((dispatch) => (dispatch?.pipeline.failure ? undefined : dispatch));
  }
}
