import { Draw, type Variable } from "./draw.js";
import { randomMove } from "./moves.js";
import type { Program } from "./program.js";

/** The random program of a seed: about 5 to 25 steps, one to four results, and gradients in every second one. */
export function generate(seed: number): Program {
  const draw = new Draw(seed);
  draw.leaf(draw.shape());
  if (draw.chance(0.5)) draw.leaf(draw.shape());
  const length = draw.whole(4, 20);
  for (let i = 0; i < length; i++) randomMove(draw);
  const roots: Variable[] = [draw.variables.at(-1)!];
  while (draw.chance(0.5) && roots.length < 4) roots.push(draw.pick(() => true)!);
  if (draw.chance(0.5)) {
    const losses = [draw.pick()!, ...(draw.chance(0.3) ? [draw.pick()!] : [])];
    const leaves = draw.subset(draw.leaves).slice(0, 4);
    roots.push(...(draw.addAll("gradients", [losses, leaves], 100) ?? []));
  }
  return draw.program(roots);
}
