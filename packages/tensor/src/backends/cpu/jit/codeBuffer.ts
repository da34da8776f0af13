import type { Instruction } from "../../../backend.js";
import type { Schedule, Step } from "../tileProgram.js";
import { withCode } from "./codeSteps.js";
import { compile } from "./compile.js";
import type { MicroProgram } from "./microOps.js";

/** The machine code of one plan: loops one behind the other, equal ones once. */
export class CodeBuffer {
  private readonly known = new Map<string, number>();
  private readonly parts: Uint8Array[] = [];
  private bytes = 0;

  /** The body of a tile program with each run of instructions that have a lowering as one step. */
  steps(schedule: Schedule, instruction: (value: number) => Instruction): Step[] {
    return withCode(schedule, instruction);
  }

  /** Where the loop lies, in bytes from the start of the buffer. */
  add(program: MicroProgram): number {
    const key = JSON.stringify(program);
    let at = this.known.get(key);
    if (at === undefined) {
      at = this.bytes;
      const code = compile(program);
      this.parts.push(code);
      // Constants are read 32 bytes at a time.
      this.bytes += Math.ceil(code.length / 64) * 64;
      this.known.set(key, at);
    }
    return at;
  }

  /** All of it, to be placed at a multiple of 64. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += Math.ceil(part.length / 64) * 64;
    }
    return whole;
  }
}
