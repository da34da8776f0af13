import type { Executable, Plan } from "../../backend.js";
import { invariant } from "../../errors.js";
import { parameterWords } from "./codegen/assemble.js";
import type { Compiled } from "./compile.js";
import type { Block, Chunk } from "./heap.js";
import type { Kernel } from "./kernel.js";
import { type Pipelines, parameterWindow } from "./pipelines.js";

const stride = 256;

/** A kernel ready to be dispatched, for one choice of chunks. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly chunks: readonly Chunk[];
  /** Bytes from the start of the parameters to its own. */
  readonly offset: number;
}

/** A plan whose kernels are written: pipelines are made when it is known in which chunks its memory lies. */
export class WebGpuExecutable implements Executable {
  readonly plan: Plan;
  readonly compiled: Compiled;
  /** The parameters of all kernels: each starts at a multiple of 256 bytes. */
  readonly parameters: Int32Array;
  /** Bytes of the upload region, and where in it each upload slot starts (by Slot.index). */
  readonly uploadBytes: number;
  readonly uploadOffsets: number[] = [];
  disposed = false;
  readonly #offsets: number[] = [];
  /** Positions in the parameters of each slot's base, by slot, and of workspace bases with their words. */
  readonly #slotPositions: number[][];
  readonly #workspacePositions: { at: number; words: number }[] = [];
  readonly #scalarPositions: { at: number; scalar: number }[] = [];
  #dispatches: Dispatch[] = [];
  #chunkOfSlot: Chunk[] = [];

  constructor(plan: Plan, compiled: Compiled) {
    this.plan = plan;
    this.compiled = compiled;
    this.#slotPositions = plan.slots.map(() => []);
    let bytes = 0;
    const fixed: { at: number; word: number }[] = [];
    for (const kernel of compiled.kernels) {
      this.#offsets.push(bytes);
      let at = bytes / 4;
      const words = parameterWords(kernel);
      invariant(words * 4 <= parameterWindow, `${kernel.label} has ${words} parameters`);
      for (const place of kernel.places) {
        if ("slot" in place) this.#slotPositions[place.slot]!.push(at++);
        else this.#workspacePositions.push({ at: at++, words: place.workspace / 4 });
      }
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

  /** Fills in the parameters of a submission and returns what to dispatch. */
  prepare(
    bound: readonly Block[],
    scratch: Block,
    upload: Block,
    scalars: Int32Array,
    pipelines: Pipelines,
  ): readonly Dispatch[] {
    const { slots, scratchBytes } = this.plan;
    let moved = this.#dispatches.length === 0;
    for (let s = 0; s < slots.length; s++) {
      const slot = slots[s]!;
      const block = slot.kind === "bound" ? bound[slot.index]! : slot.kind === "scratch" ? scratch : upload;
      const within =
        slot.kind === "scratch" ? slot.offset / 4 : slot.kind === "upload" ? this.uploadOffsets[slot.index]! / 4 : 0;
      if (this.#chunkOfSlot[s] !== block.chunk) {
        this.#chunkOfSlot[s] = block.chunk;
        moved = true;
      }
      for (const at of this.#slotPositions[s]!) this.parameters[at] = block.word + within;
    }
    const workspace = scratch.word + Math.ceil(scratchBytes / 64) * 16;
    for (const { at, words } of this.#workspacePositions) this.parameters[at] = workspace + words;
    for (const { at, scalar } of this.#scalarPositions) this.parameters[at] = scalars[scalar]!;
    const workspaceMoved = this.#chunkOfSlot[slots.length] !== scratch.chunk;
    if (moved || workspaceMoved) {
      this.#chunkOfSlot[slots.length] = scratch.chunk;
      this.#dispatches = this.compiled.kernels.map((kernel, k) =>
        this.#dispatchOf(kernel, k, scratch.chunk, pipelines),
      );
    }
    return this.#dispatches;
  }

  #dispatchOf(kernel: Kernel, k: number, scratch: Chunk, pipelines: Pipelines): Dispatch {
    const chunks: Chunk[] = [];
    const memories = kernel.places.map((place) => {
      const chunk = "slot" in place ? this.#chunkOfSlot[place.slot]! : scratch;
      const known = chunks.indexOf(chunk);
      return known >= 0 ? known : chunks.push(chunk) - 1;
    });
    return { kernel, pipeline: pipelines.of(kernel, memories, chunks.length), chunks, offset: this.#offsets[k]! };
  }

  dispose(): void {
    this.disposed = true;
    this.#dispatches = [];
  }
}
