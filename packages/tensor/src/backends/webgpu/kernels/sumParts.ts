import type { Operand } from "../../../backend.js";
import { type Shape, sizeOf } from "../../../shape.js";
import { address, walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { isVectorOperand } from "./context.js";

/** What `sumParts` adds up: `parts` row-major arrays of `shape` (f32) in the workspace. */
export interface Parts {
  readonly workspace: number;
  readonly parts: number;
  readonly shape: Shape;
  readonly output: Operand;
  readonly label: string;
}

/** The kernel that adds the parts of split sums in their order into the output. */
export function sumParts({ workspace, parts, shape, output, label }: Parts): Kernel {
  const names = shape.map((_, d) => `n${d}`);
  const four = isVectorOperand({ ...output, shape }, shape.length - 1);
  const { workgroup, grid, lines } = walk(shape, four ? 4 : 1, names);
  const [T, v, word] = four ? ["vec4f", "v", "vec4u"] : ["f32", "", "u32"];
  const strides = shape.map((_, d) => output.strides[d]!);
  const linear = shape.map((_, d) => sizeOf(shape.slice(d + 1)));
  const size = sizeOf(shape);
  const code = [
    entry(workgroup),
    ...lines,
    `let place = ${address(linear, 0, names)};`,
    `var total = ${T}();`,
    `for (var part = 0; part < ${parts}; part++) { total += bitcast<${T}>(ld${v}0(part * ${size} + place)); }`,
    `st${v}1(${address(strides, output.offset, names)}, bitcast<${word}>(total));`,
    "}",
  ].join("\n");
  return {
    label: `${label}, parts`,
    places: [{ workspace }, { slot: output.slot }],
    memory: four ? "vectors" : output.dtype === "f16" ? "atomics" : "words",
    code,
    workgroup,
    grid,
  };
}
