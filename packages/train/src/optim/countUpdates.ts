import { leaf, type Parameter, State, type Tensor, where } from "@fai/tensor";
import type { StepMemory } from "./stepMemory.js";

/**
 * Where `when` [] says whether the update that `stepping` have begun is made, or said so of an earlier one, counts it on the device and
 * gives each of their memories its number there. Parameters that have always stepped together share a count.
 */
export function countUpdates(
  memories: ReadonlyMap<Parameter, StepMemory>,
  stepping: readonly Parameter[],
  when: Tensor | undefined,
): void {
  const own = stepping.map((parameter) => memories.get(parameter)!);
  if (!when && own.every(({ count }) => count === undefined)) return;
  const resting = new Set([...memories.values()].filter((memory) => !own.includes(memory)).map(({ count }) => count));
  /** The counts that start here, by the number they start from. */
  const fresh = new Map<number, State>();
  /** Counts of parameters of which some rest: they keep theirs, the others go on with another. */
  const split = new Map<State, State>();
  const numbers = new Map<State, Tensor>();
  const start = (steps: number) => new State(leaf(Float32Array.of(steps), [], "f32"), "steps");
  for (const memory of own) {
    const before = memory.count;
    let count = before;
    if (!before) {
      const steps = memory.step - 1;
      count = fresh.get(steps) ?? start(steps);
      fresh.set(steps, count);
    } else if (resting.has(before)) {
      count = split.get(before) ?? start(0);
      split.set(before, count);
    }
    memory.count = count!;
    let number = numbers.get(count!);
    if (!number) {
      const made = (before ?? count!).value;
      number = made.add(1);
      count!.set(when ? where(when, number, made) : number);
      numbers.set(count!, number);
    }
    memory.elapsed = number;
  }
}
