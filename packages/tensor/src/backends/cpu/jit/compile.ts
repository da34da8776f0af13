import { invariant } from "../../../errors.js";
import { Assembler, type Operand, registers } from "./assembler.js";
import { type Action, binary, blendvps, commutative, type Micro, type MicroProgram, shift, unary } from "./microOps.js";

type Computed = Extract<Micro, { kind: "op" }>;

const vectorCount = 16;
/** Hold the addresses of arrays while the loop runs; the later ones belong to the caller and are saved. */
const { rax, rdx, rbx, rbp, r8, r9, r10, r11, r12, r13, r14, r15 } = registers;
const free = [rdx, r8, r9, r10, r11];
const saved = [rbx, rbp, r12, r13, r14, r15];

/**
 * Machine code of the function `void f(float *const *arrays, long count)`, in the System V convention: runs the program on
 * elements 0 to count - 1; count is a multiple of 8 above 0. Vectors go to registers in order of use; when they run out, the one
 * that is needed last moves to the stack.
 */
export function compile(program: MicroProgram): Uint8Array {
  return new Compiler(program).run();
}

class Compiler {
  private readonly out = new Assembler();
  private readonly values: readonly Micro[];
  private readonly actions: readonly Action[];
  /** By value: the actions that read it, still to come. */
  private readonly uses: number[][];
  private readonly vectorOf = new Map<number, number>();
  private readonly heldBy = new Array<number | undefined>(vectorCount).fill(undefined);
  private readonly stackOf = new Map<number, number>();
  private readonly pointerOf = new Map<number, number>();
  private stackBytes = 0;

  constructor({ values, actions }: MicroProgram) {
    this.values = values;
    this.actions = actions;
    this.uses = values.map(() => []);
    actions.forEach((action, at) => {
      for (const value of readBy(action, values)) this.uses[value]!.push(at);
    });
  }

  run(): Uint8Array {
    const { out } = this;
    const arrays = this.arrays();
    const pointers = [...free, ...saved];
    const pushed = saved.slice(0, Math.max(0, Math.min(arrays.length, pointers.length) - free.length));
    for (const register of pushed) out.push(register);
    const stackAt = this.reserveStack();
    arrays.slice(0, pointers.length).forEach((array, i) => {
      this.pointerOf.set(array, pointers[i]!);
      out.loadPointer(pointers[i]!, array);
    });
    out.raw(0x31, 0xc9); // xor ecx, ecx
    const start = out.position;
    for (const [at, action] of this.actions.entries()) this.act(action, at);
    out.closeLoop(start);
    this.patchStack(stackAt);
    out.moveStack(this.stackBytes);
    for (const register of [...pushed].reverse()) out.pop(register);
    out.raw(0xc5, 0xf8, 0x77, 0xc3); // vzeroupper; ret
    return out.finish();
  }

  /** The arrays that are touched, the most used first. */
  private arrays(): number[] {
    const count = new Map<number, number>();
    const note = (array: number) => count.set(array, (count.get(array) ?? 0) + 1);
    this.values.forEach((value, i) => {
      if (value.kind === "element" && this.uses[i]!.length > 0) note(value.array);
    });
    for (const action of this.actions) if (action.kind === "write") note(action.array);
    return [...count].sort((a, b) => b[1] - a[1]).map(([array]) => array);
  }

  private reserveStack(): number {
    this.out.moveStack(0);
    return this.out.position - 4;
  }
  private patchStack(at: number): void {
    this.out.patch(at, -this.stackBytes);
  }

  private act(action: Action, at: number): void {
    if (action.kind === "write") {
      const vector = this.inVector(action.value, [], at);
      this.out.store(this.element(action.array), vector);
      this.release([action.value], at);
      return;
    }
    const micro = this.values[action.value] as Computed;
    if (micro.op === "blendvps") this.blend(action.value, micro, at);
    else if (micro.op in shift) this.shift(action.value, micro, at);
    else this.compute(action.value, micro, at);
    if (this.uses[action.value]!.length === 0) this.drop(action.value);
  }

  private compute(value: number, { op, inputs, immediate }: Computed, at: number): void {
    const single = op in unary;
    let [first, last] = single ? [undefined, inputs[0]!] : [inputs[0]!, inputs[1]!];
    // What lies in memory goes last.
    if (first !== undefined && commutative.has(op) && !this.vectorOf.has(first) && this.vectorOf.has(last)) {
      [first, last] = [last, first];
    }
    const left = first === undefined ? 0 : this.inVector(first, [last], at);
    const right = this.operand(last, first === undefined ? [] : [first], at);
    this.release(inputs, at);
    const target = this.take(value, right.kind === "vector" ? [left, right.number] : [left]);
    const encoding = single ? unary[op as keyof typeof unary] : binary[op as keyof typeof binary];
    this.out.vex(encoding, target, left, right, immediate);
  }

  private blend(value: number, { inputs }: Computed, at: number): void {
    const [no, yes, mask] = inputs as [number, number, number];
    const left = this.inVector(no, [yes, mask], at);
    const chooser = this.inVector(mask, [no, yes], at);
    const right = this.operand(yes, [no, mask], at);
    this.release(inputs, at);
    const target = this.take(value, right.kind === "vector" ? [left, chooser, right.number] : [left, chooser]);
    this.out.vex(blendvps, target, left, right, chooser << 4);
  }

  private shift(value: number, { op, inputs, immediate }: Computed, at: number): void {
    const from = this.inVector(inputs[0]!, [], at);
    this.release(inputs, at);
    const target = this.take(value, [from]);
    const extension = shift[op as keyof typeof shift];
    this.out.vex({ prefix: 1, map: 1, opcode: 0x72 }, extension, target, { kind: "vector", number: from }, immediate);
  }

  /** The value in a register; `keep` are values that must not be moved away. */
  private inVector(value: number, keep: readonly number[], at: number): number {
    const known = this.vectorOf.get(value);
    if (known !== undefined) return known;
    const from = this.memory(value);
    const vector = this.emptyVector([value, ...keep], at);
    this.out.load(vector, from);
    this.hold(value, vector);
    return vector;
  }

  /** The value where it is; from memory it moves to a register when it is read again later. */
  private operand(value: number, keep: readonly number[], at: number): Operand {
    const vector = this.vectorOf.get(value);
    if (vector !== undefined) return { kind: "vector", number: vector };
    const again = this.uses[value]!.some((use) => use > at);
    if (again && this.values[value]!.kind !== "constant" && this.heldBy.includes(undefined)) {
      return { kind: "vector", number: this.inVector(value, keep, at) };
    }
    return this.memory(value);
  }

  private memory(value: number): Operand {
    const micro = this.values[value]!;
    if (micro.kind === "constant") return this.out.constant(micro.bits);
    if (micro.kind === "element") return this.element(micro.array);
    const offset = this.stackOf.get(value);
    invariant(offset !== undefined, `value ${value} of a compiled loop is nowhere`);
    return { kind: "stack", offset };
  }

  private element(array: number): Operand {
    const pointer = this.pointerOf.get(array);
    if (pointer !== undefined) return { kind: "element", base: pointer };
    this.out.loadPointer(rax, array);
    return { kind: "element", base: rax };
  }

  /** A register for a result; those in `reading` may be it only when their value is gone. */
  private take(value: number, reading: readonly number[]): number {
    let vector = this.heldBy.indexOf(undefined);
    if (vector < 0) vector = this.emptyVector([], Number.POSITIVE_INFINITY, reading);
    this.hold(value, vector);
    return vector;
  }

  /** A register without a value, emptied when all are held: of the value that is needed last, of those not kept. */
  private emptyVector(keep: readonly number[], at: number, reading: readonly number[] = []): number {
    const empty = this.heldBy.indexOf(undefined);
    if (empty >= 0) return empty;
    let chosen = -1;
    let furthest = -1;
    this.heldBy.forEach((value, vector) => {
      if (value === undefined || keep.includes(value) || reading.includes(vector)) return;
      const next =
        this.uses[value]!.find((use) => at === Number.POSITIVE_INFINITY || use > at) ?? Number.MAX_SAFE_INTEGER;
      if (next > furthest) [chosen, furthest] = [vector, next];
    });
    invariant(chosen >= 0, "a compiled loop keeps every register");
    this.spill(this.heldBy[chosen]!, chosen);
    return chosen;
  }

  private spill(value: number, vector: number): void {
    if (this.values[value]!.kind === "op" && !this.stackOf.has(value)) {
      this.stackOf.set(value, this.stackBytes);
      this.out.store({ kind: "stack", offset: this.stackBytes }, vector);
      this.stackBytes += 32;
    }
    this.drop(value);
  }

  private hold(value: number, vector: number): void {
    this.vectorOf.set(value, vector);
    this.heldBy[vector] = value;
  }

  private drop(value: number): void {
    const vector = this.vectorOf.get(value);
    if (vector === undefined) return;
    this.vectorOf.delete(value);
    this.heldBy[vector] = undefined;
  }

  /** Forgets the uses up to `at`; values without any left give up their register. */
  private release(read: readonly number[], at: number): void {
    for (const value of read) {
      const left = this.uses[value]!;
      while (left.length > 0 && left[0]! <= at) left.shift();
      if (left.length === 0) this.drop(value);
    }
  }
}

function readBy(action: Action, values: readonly Micro[]): readonly number[] {
  if (action.kind === "write") return [action.value];
  const micro = values[action.value]!;
  return micro.kind === "op" ? [...new Set(micro.inputs)] : [];
}
