import type { Instruction } from "../../../backend.js";
import type { Schedule, Step } from "../tileProgram.js";
import { lowering, MicroBuilder } from "./lower.js";
import type { MicroProgram } from "./microOps.js";

/** Several instructions as one loop of machine code. */
export interface CodeStep {
  kind: "code";
  /** What is read from tiles. */
  inputs: number[];
  /** What is written to tiles, or (direct) to the memory of a store. */
  outputs: { value: number; direct: number | undefined }[];
  /** The loop, given the register of each value. */
  program(register: (value: number) => number): MicroProgram;
}

/** A run shorter than this is left to the kernels' own loops. */
const shortestRun = 2;

/**
 * The body with each run of instructions that have a lowering as one step. A run's loads come before it: no store that runs earlier
 * overwrites them. Stores through memory of their own come behind it. Within it every value is read and written in the old order,
 * so what a store may overwrite is read before.
 */
export function withCode(schedule: Schedule, instruction: (value: number) => Instruction): Step[] {
  const made: Step[] = [];
  let run: Step[] = [];
  const { body } = schedule;
  body.forEach((step, at) => {
    // A store of what the run did not compute must neither wait for its other stores nor run before its reads.
    const ends =
      step.kind === "store"
        ? !run.some((it) => it.kind === "compute" && it.value === schedule.storeValues[step.store])
        : step.kind === "compute" && !lowering(instruction(step.value));
    if (ends) {
      made.push(...closeRun(run, body.slice(at), schedule, instruction), step);
      run = [];
    } else run.push(step);
  });
  return [...made, ...closeRun(run, [], schedule, instruction)];
}

function closeRun(
  run: readonly Step[],
  later: readonly Step[],
  { inputsOf, storeValues, results }: Schedule,
  instruction: (value: number) => Instruction,
): Step[] {
  const computes = run.filter((step) => step.kind === "compute");
  if (computes.length < shortestRun) return [...run];
  const inside = new Set(computes.map(({ value }) => value));
  const stores = run.filter((step) => step.kind === "store");
  const wanted = new Set(results);
  for (const { store } of stores) wanted.add(storeValues[store]!);
  for (const step of later) {
    if (step.kind === "store") wanted.add(storeValues[step.store]!);
    else if (step.kind === "compute") for (const value of inputsOf(step.value)) wanted.add(value);
  }
  const inputs = new Set(computes.flatMap(({ value }) => inputsOf(value).filter((input) => !inside.has(input))));
  const outputs = computes
    .filter(({ value, direct }) => direct !== undefined || wanted.has(value))
    .map(({ value, direct }) => ({ value, direct }));
  const written = new Set(outputs.map(({ value }) => value));
  const program = (register: (value: number) => number): MicroProgram => {
    const builder = new MicroBuilder();
    const made = new Map<number, number>();
    const valueOf = (value: number) => made.get(value) ?? builder.element(register(value));
    for (const { value } of computes) {
      const result = lowering(instruction(value))!(builder, inputsOf(value).map(valueOf));
      made.set(value, result);
      if (written.has(value)) builder.write(result, register(value));
    }
    return builder.program();
  };
  const code: CodeStep = { kind: "code", inputs: [...inputs], outputs, program };
  return [...run.filter((step) => step.kind === "load"), code, ...stores];
}
