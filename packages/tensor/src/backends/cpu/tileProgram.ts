import type { Instruction, Load, Store } from "../../backend.js";
import { invariant } from "../../errors.js";
import { accesses, directResult, maxRegisters, ownResult, tileOps } from "./codes.js";
import type { CodeWord, PlanContext } from "./encoded.js";
import type { CodeBuffer } from "./jit/codeBuffer.js";
import type { CodeStep } from "./jit/codeSteps.js";
import { collapse, isContiguous, periodOf, sharesMemory, type View, viewWords } from "./space.js";

/** Elementwise work over a linear index: `dims` are ordered, strides follow them. */
export interface TileSource {
  dims: readonly number[];
  loads: readonly Load[];
  instructions: readonly Instruction[];
  stores: readonly Store[];
  /** Values that must be in registers when the program ends: what is reduced. */
  results: readonly number[];
  context: PlanContext;
}

/** A tile program, its records still apart; `fixed` resolves where the records lie. */
export interface TileProgram {
  registers: number;
  prologue: Word[];
  body: Word[];
  /** The register of each result. */
  results: number[];
  records: number[][];
}

/** A word of a program, or a reference: to a record, to become its offset in the payload; to machine code, to become half of its address. */
export type Word = number | { record: number } | { code: number; half: 0 | 1 };

/** What a tile goes through, in order; values and stores by number. */
export type Step =
  | { kind: "load"; value: number }
  | { kind: "compute"; value: number; direct: number | undefined }
  | { kind: "store"; store: number }
  | CodeStep;

/** The instruction's name in the kernels. */
function tileOp(instruction: Instruction): number {
  const name = instruction.op.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  const code =
    instruction.type === "i32" && instruction.op !== "where"
      ? tileOps[`${name}_INT` as keyof typeof tileOps]
      : tileOps[name as keyof typeof tileOps];
  invariant(code !== undefined, `there is no instruction ${instruction.op} of ${instruction.type}`);
  return code;
}

/** True for instructions that leave their input as it is. */
function isIdentity({ op, type }: Instruction): boolean {
  return (
    (op === "floor" && type === "i32") || (op === "toFloat" && type === "f32") || (op === "toInt" && type === "i32")
  );
}

/** The view a load has on the index space; a scalar's is constant. */
function loadView(dims: readonly number[], load: Load): View {
  return load.kind === "scalar" ? { sizes: [1], strides: [0] } : collapse(dims, load.strides);
}

/** The record of a load. */
function loadRecord(load: Load, view: View, copied: boolean, sparse: PlanContext["sparse"]): number[] {
  if (load.kind === "scalar") return [accesses.SCALAR, load.index, 0, ...viewWords(view)];
  if (load.kind === "iota") return [accesses.IOTA, 0, load.offset, ...viewWords(view)];
  const table = sparse.get(load.slot);
  if (table) return [accesses.ROWS, load.slot, table.width, table.rows];
  const isByte = load.dtype === "u8" || load.dtype === "bool";
  const access = isByte ? accesses.BYTE : copied ? accesses.WORD_COPIED : accesses.WORD;
  return [access, load.slot, load.offset, ...viewWords(view)];
}

/** The record of a store whose view is `view`. */
export function storeRecord(store: Store, view: View): number[] {
  const isByte = store.dtype === "u8" || store.dtype === "bool";
  return [isByte ? accesses.BYTE : accesses.WORD, store.slot, store.offset, ...viewWords(view)];
}

/**
 * Schedules and allocates registers. Loads come just before their first use and stores just after their value, so
 * that few tiles are alive. `repeats(period)` says whether a view of that period is the same in every tile: such loads,
 * and what follows from them alone, move to the prologue. `isDirect(view)` says whether a tile of a store is consecutive in memory.
 *
 * A store may overwrite what the group loads (with the same strides). It runs early only when every load of its memory
 * is done and no longer needed; others wait for the end, and loads they would overwrite are copied.
 */
export function tileProgram(
  source: TileSource,
  repeats: (period: number) => boolean,
  isDirect: (view: View) => boolean = isContiguous,
): TileProgram {
  const { dims, loads, instructions, stores } = source;
  const { slots, code, sparse } = source.context;
  const loadCount = loads.length;
  const count = loadCount + instructions.length;

  // Values that others merely rename.
  const alias = Array.from({ length: count }, (_, value) => value);
  for (const [i, instruction] of instructions.entries()) {
    if (isIdentity(instruction)) alias[loadCount + i] = alias[instruction.inputs[0]!]!;
  }
  const inputsOf = (value: number) =>
    value < loadCount ? [] : instructions[value - loadCount]!.inputs.map((input) => alias[input]!);
  const results = source.results.map((value) => alias[value]!);
  const storeValues = stores.map((store) => alias[store.register]!);

  const needed = new Array<boolean>(count).fill(false);
  for (const value of [...results, ...storeValues]) needed[value] = true;
  for (let value = count - 1; value >= loadCount; value--) {
    if (needed[value]) for (const input of inputsOf(value)) needed[input] = true;
  }

  const views = loads.map((load) => loadView(dims, load));
  const constant = new Array<boolean>(count).fill(false);
  for (let value = 0; value < count; value++) {
    if (value < loadCount) {
      const period = periodOf(views[value]!);
      constant[value] = loads[value]!.kind === "scalar" || (period !== undefined && repeats(period));
    } else {
      constant[value] = inputsOf(value).every((input) => constant[input]);
    }
  }

  // How often each value is still to be read, by instructions and by stores.
  const readers = new Array<number>(count).fill(0);
  for (let value = loadCount; value < count; value++) {
    if (needed[value] && alias[value] === value) for (const input of inputsOf(value)) readers[input]!++;
  }
  for (const value of [...storeValues, ...results]) readers[value]!++;

  const overwrites = (store: Store, value: number) => {
    const load = loads[value];
    return load?.kind === "memory" && needed[value] === true && sharesMemory(slots, store.slot, load.slot);
  };
  const storeViews = stores.map((store) => collapse(dims, store.strides));
  const loaded = new Array<boolean>(count).fill(false);
  const stored = new Array<boolean>(stores.length).fill(false);
  const copied = new Array<boolean>(loadCount).fill(false);
  const prologue: Step[] = [];
  const body: Step[] = [];

  const ready = (store: Store, exceptReads: readonly number[]) =>
    loads.every((_, value) => {
      if (!overwrites(store, value)) return true;
      const left = readers[value]! - exceptReads.filter((input) => input === value).length;
      return loaded[value] && (left === 0 || constant[value]);
    });
  const storeEarly = (value: number) => {
    for (const [s, store] of stores.entries()) {
      if (stored[s] || storeValues[s] !== value || !ready(store, [value])) continue;
      stored[s] = true;
      readers[value]!--;
      body.push({ kind: "store", store: s });
    }
  };
  const load = (value: number) => {
    if (value >= loadCount || loaded[value]) return;
    loaded[value] = true;
    (constant[value] ? prologue : body).push({ kind: "load", value });
    storeEarly(value);
  };

  for (let value = 0; value < loadCount; value++) if (needed[value] && constant[value]) load(value);
  for (let value = loadCount; value < count; value++) {
    if (!needed[value] || alias[value] !== value) continue;
    const inputs = inputsOf(value);
    for (const input of inputs) load(input);
    for (const input of inputs) readers[input]!--;
    if (constant[value]) {
      prologue.push({ kind: "compute", value, direct: undefined });
      storeEarly(value);
      continue;
    }
    const direct = stores.findIndex(
      (store, s) =>
        !stored[s] &&
        storeValues[s] === value &&
        (store.dtype === "f32" || store.dtype === "i32") &&
        isDirect(storeViews[s]!) &&
        ready(store, []),
    );
    if (direct >= 0) {
      stored[direct] = true;
      readers[value]!--;
    }
    body.push({ kind: "compute", value, direct: direct >= 0 ? direct : undefined });
    storeEarly(value);
  }
  const late = stores.flatMap((_, s) => (stored[s] ? [] : [s]));
  for (const s of late) {
    // What a late store overwrites must be safe from it, wherever it is read.
    for (let value = 0; value < loadCount; value++) if (overwrites(stores[s]!, value)) copied[value] = true;
  }
  for (const s of late) if (copied[storeValues[s]!]) load(storeValues[s]!);
  for (const value of results) load(value);
  for (const s of late) {
    if (stored[s]) continue;
    load(storeValues[s]!);
    if (stored[s]) continue;
    stored[s] = true;
    body.push({ kind: "store", store: s });
  }

  const schedule = { prologue, body, results, inputsOf, storeValues, loadCount };
  const steps = code ? code.steps(schedule, (value) => instructions[value - loadCount]!) : body;
  return allocate(
    { ...schedule, body: steps },
    (value, direct) => {
      if (value < loadCount) return tileOps.LOAD;
      return tileOp(instructions[value - loadCount]!) + (direct ? directResult : 0);
    },
    code,
    [
      ...loads.map((it, value) => loadRecord(it, views[value]!, copied[value]!, sparse)),
      ...stores.map((store, s) => storeRecord(store, storeViews[s]!)),
    ],
  );
}

/** Steps in order, and what they work on. */
export interface Schedule {
  prologue: readonly Step[];
  body: readonly Step[];
  results: readonly number[];
  inputsOf: (value: number) => number[];
  storeValues: readonly number[];
  loadCount: number;
}

/** Linear scan: a register is free again after the last step that reads its value. */
function allocate(
  schedule: Schedule,
  operation: (value: number, direct: boolean) => number,
  code: CodeBuffer | undefined,
  records: number[][],
): TileProgram {
  const { prologue, body, results, inputsOf, storeValues, loadCount } = schedule;
  const register = new Map<number, number>();
  const lastRead = new Map<number, number>();
  const reads = (step: Step): readonly number[] => {
    if (step.kind === "store") return [storeValues[step.store]!];
    if (step.kind === "code") return step.inputs;
    return step.kind === "compute" ? inputsOf(step.value) : [];
  };
  for (const [at, step] of body.entries()) for (const value of reads(step)) lastRead.set(value, at);
  for (const value of results) lastRead.set(value, Number.POSITIVE_INFINITY);
  const kept = new Set(
    prologue.flatMap((step) => (step.kind === "load" || step.kind === "compute" ? [step.value] : [])),
  );

  let registers = 0;
  const free: number[] = [];
  const take = (value: number) => {
    const it = free.pop() ?? registers++;
    invariant(it < maxRegisters, "a group needs too many registers");
    register.set(value, it);
    return it;
  };
  const emit = (step: Step, at: number): Word[] => {
    if (step.kind === "store") {
      const words = [tileOps.STORE, register.get(storeValues[step.store]!)!, { record: loadCount + step.store }];
      release(step, at);
      return words;
    }
    if (step.kind === "load") return [tileOps.LOAD, take(step.value), { record: step.value }];
    if (step.kind === "code") return emitCode(step, at);
    const inputs = inputsOf(step.value).map((input) => register.get(input)!);
    release(step, at);
    const target = take(step.value);
    const words: Word[] = [];
    // DIRECT must not move a register that the instruction still reads.
    let safe = target;
    if (step.direct !== undefined) {
      if (inputs.includes(target)) {
        safe = registers++;
        invariant(safe < maxRegisters, "a group needs too many registers");
        free.push(target);
        register.set(step.value, safe);
      }
      words.push(tileOps.DIRECT, safe, { record: loadCount + step.direct });
    }
    words.push(operation(step.value, step.direct !== undefined), safe, ...inputs);
    if (at >= 0 && !lastRead.has(step.value)) free.push(safe);
    return words;
  };
  // Results get registers while those of the inputs are still taken: the loop writes the ones before it has read all of the others.
  const emitCode = (step: CodeStep, at: number): Word[] => {
    const words: Word[] = [];
    const targets = step.outputs.map(({ value, direct }) => {
      const register = take(value);
      if (direct !== undefined) words.push(tileOps.DIRECT, register, { record: loadCount + direct });
      return direct === undefined ? register + ownResult : register;
    });
    const inputs = step.inputs.map((value) => register.get(value)!);
    const offset = code!.add(step.program((value) => register.get(value)!));
    words.push(tileOps.CODE, { code: offset, half: 0 }, { code: offset, half: 1 });
    words.push(inputs.length, targets.length, ...inputs, ...targets);
    release(step, at);
    for (const { value } of step.outputs) if (!lastRead.has(value)) free.push(register.get(value)!);
    return words;
  };
  const release = (step: Step, at: number) => {
    if (at < 0) return;
    for (const value of new Set(reads(step))) {
      if (lastRead.get(value) === at && !kept.has(value)) free.push(register.get(value)!);
    }
  };
  const prologueWords = prologue.flatMap((step) => emit(step, -1));
  const bodyWords = body.flatMap((step, at) => emit(step, at));
  return {
    registers,
    prologue: prologueWords,
    body: bodyWords,
    results: results.map((value) => register.get(value)!),
    records,
  };
}

/** The payload of a group: `head` given the lengths, then the words with records resolved, then the records; `code` lists the words of addresses. */
export function assemble(
  head: readonly Word[],
  program: TileProgram,
  extraRecords: readonly number[][],
): { payload: number[]; code: CodeWord[] } {
  const words = [...head, ...program.prologue, ...program.body];
  const records = [...program.records, ...extraRecords];
  const offsets: number[] = [];
  let at = words.length;
  for (const record of records) {
    offsets.push(at);
    at += record.length;
  }
  const code: CodeWord[] = [];
  const resolved = words.map((word, i) => {
    if (typeof word === "number") return word;
    if ("record" in word) return offsets[word.record]!;
    code.push({ at: i, offset: word.code, half: word.half });
    return 0;
  });
  return { payload: [...resolved, ...records.flat()], code };
}
