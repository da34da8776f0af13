/** Where an instruction's last operand is: in a vector register, or in memory. */
export type Operand =
  | { kind: "vector"; number: number }
  /** [base + rcx * 4]: element rcx of an array. */
  | { kind: "element"; base: number }
  /** [rsp + offset]. */
  | { kind: "stack"; offset: number }
  /** The constant at `offset` in the pool behind the code. */
  | { kind: "pool"; offset: number };

/** How a VEX instruction is encoded: prefix, opcode map, opcode. */
export interface Encoding {
  readonly prefix: 0 | 1 | 2;
  readonly map: 1 | 2 | 3;
  readonly opcode: number;
}

/** General registers by name. */
export const registers = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

const moves = { load: { prefix: 0, map: 1, opcode: 0x10 }, store: { prefix: 0, map: 1, opcode: 0x11 } } as const;

/**
 * Writes x86-64 machine code: 256-bit AVX2 instructions and the few others that a loop needs. Encodings are those of Intel's
 * Software Developer's Manual, volume 2; a constant pool follows the code.
 */
export class Assembler {
  private readonly bytes: number[] = [];
  private readonly constants: number[] = [];
  private readonly poolUses: { at: number; offset: number; after: number }[] = [];

  /** Bytes of code so far. */
  get position(): number {
    return this.bytes.length;
  }

  /** The pool's copy of eight equal 32-bit words. */
  constant(bits: number): Operand {
    let at = this.constants.indexOf(bits | 0);
    if (at < 0) at = this.constants.push(bits | 0) - 1;
    return { kind: "pool", offset: 32 * at };
  }

  raw(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }

  push(register: number): void {
    this.raw(...(register > 7 ? [0x41] : []), 0x50 + (register & 7));
  }

  pop(register: number): void {
    this.raw(...(register > 7 ? [0x41] : []), 0x58 + (register & 7));
  }

  /** register = [rdi + 8 * index]. */
  loadPointer(register: number, index: number): void {
    this.raw(0x48 | ((register >> 3) << 2), 0x8b, 0x80 | ((register & 7) << 3) | registers.rdi);
    this.word(8 * index);
  }

  /** rsp += bytes. */
  moveStack(bytes: number): void {
    this.raw(0x48, 0x81, 0xc4);
    this.word(bytes);
  }

  /** Goes back to `start` after rcx += 8 while rcx < rsi. */
  closeLoop(start: number): void {
    this.raw(0x48, 0x83, 0xc1, 8, 0x48, 0x39, 0xf1, 0x0f, 0x8c);
    this.word(start - (this.position + 4));
  }

  /** vector = operand (unaligned). */
  load(vector: number, from: Operand): void {
    this.vex(moves.load, vector, 0, from);
  }

  /** operand (memory, unaligned) = vector. */
  store(to: Operand, vector: number): void {
    this.vex(moves.store, vector, 0, to);
  }

  /**
   * A VEX instruction: `reg` is the first register field (the target, or an opcode extension), `first` the second
   * (0 where there is none), `last` the operand that may be memory, `immediate` a byte that follows.
   */
  vex({ prefix, map, opcode }: Encoding, reg: number, first: number, last: Operand, immediate?: number): void {
    const base = last.kind === "vector" ? last.number : last.kind === "element" ? last.base : 0;
    const inverted = (bit: number) => (bit === 0 ? 1 : 0);
    this.raw(
      0xc4,
      (inverted(reg >> 3) << 7) | (1 << 6) | (inverted(base >> 3) << 5) | map,
      ((~first & 15) << 3) | (1 << 2) | prefix,
      opcode,
    );
    this.modrm(reg & 7, last, immediate === undefined ? 0 : 1);
    if (immediate !== undefined) this.raw(immediate);
  }

  private modrm(reg: number, last: Operand, bytesAfter: number): void {
    const field = reg << 3;
    switch (last.kind) {
      case "vector":
        return this.raw(0xc0 | field | (last.number & 7));
      case "element": {
        const base = last.base & 7;
        const sib = (2 << 6) | (registers.rcx << 3) | base;
        // Without a displacement the code of rbp and r13 as a base means none.
        if (base === registers.rbp) this.raw(0x44 | field, sib, 0);
        else this.raw(0x04 | field, sib);
        return;
      }
      case "stack":
        this.raw(0x84 | field, 0x24);
        return this.word(last.offset);
      case "pool":
        this.raw(0x05 | field);
        this.poolUses.push({ at: this.position, offset: last.offset, after: this.position + 4 + bytesAfter });
        return this.word(0);
    }
  }

  /** Overwrites the word at `at`. */
  patch(at: number, value: number): void {
    for (let i = 0; i < 4; i++) this.bytes[at + i] = (value >> (8 * i)) & 255;
  }

  private word(value: number): void {
    this.raw(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  /** The code, padded to 32 bytes, and the pool behind it. */
  finish(): Uint8Array {
    const start = Math.ceil(this.position / 32) * 32;
    const made = new Uint8Array(start + 32 * this.constants.length);
    made.set(this.bytes);
    const view = new DataView(made.buffer);
    for (const { at, offset, after } of this.poolUses) view.setInt32(at, start + offset - after, true);
    this.constants.forEach((bits, i) => {
      for (let lane = 0; lane < 8; lane++) view.setInt32(start + 32 * i + 4 * lane, bits, true);
    });
    return made;
  }
}
