import type { Operand, PoolParams } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { functionsFor } from "../codegen/functions.js";
import { typed } from "../codegen/instructions.js";
import { walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { type ContractRule, isVectorOperand } from "./context.js";

/** One element of `over`, or four neighbouring channels where all operands allow it, an invocation. */
export function perElement(
  operands: readonly Operand[],
  over: Operand,
  label: string,
  body: (load: (operand: number, at: string) => string) => string[],
): Kernel[] {
  if (sizeOf(over.shape) === 0) return [];
  const width = operands.every((o) => isVectorOperand(o, 1)) ? 4 : 1;
  const [n, c, h, w] = over.shape as [number, number, number, number];
  const { workgroup, grid, lines } = walk([n, h, w, c], width, ["n", "i", "j", "c"]);
  const load = (k: number, at: string) => (width === 4 ? `bitcast<F>(ldv${k}(${at}))` : `bitcast<F>(ld${k}(${at}))`);
  const out = operands.length - 1;
  const store = width === 4 ? `stv${out}` : `st${out}`;
  const code = typed(
    [entry(workgroup), ...lines, ...body(load), `${store}(${at(over, "i", "j")}, bitcast<U>(result));`, "}"].join("\n"),
    width,
  );
  return [
    {
      label,
      places: operands.map(({ slot }) => ({ slot })),
      memory: width === 4 ? "vectors" : "words",
      code: `${functionsFor(code, width, ["isNan"])}\n${code}`,
      workgroup,
      grid,
    },
  ];
}

/** The address of an element of an image at row `y` and column `x`. */
export function at({ strides, offset }: Operand, y: string, x: string): string {
  const [sn, sc, sh, sw] = strides as [number, number, number, number];
  return `${offset} + n * ${sn} + c * ${sc} + (${y}) * ${sh} + (${x}) * ${sw}`;
}

/** True where `a` beats `b` as a maximum: NaN beats all but NaN. */
export const exceeds = (a: string, b: string) => `((${a} > ${b}) | isNan(${a})) & !isNan(${b})`;

/** Lines that set the rows and columns of the window of result (i, j) that lie in the image: y0 to y1, x0 to x1. */
export function windowLines(
  i: string,
  j: string,
  [, , h, w]: readonly number[],
  { kernel, stride, padding }: PoolParams,
): string[] {
  return [
    `let y0 = max(0, ${i} * ${stride[0]} - ${padding[0]}); let y1 = min(${h}, ${i} * ${stride[0]} - ${padding[0]} + ${kernel[0]});`,
    `let x0 = max(0, ${j} * ${stride[1]} - ${padding[1]}); let x1 = min(${w}, ${j} * ${stride[1]} - ${padding[1]} + ${kernel[1]});`,
  ];
}

/** What an average divides by. */
export function divisor({ kernel, countIncludePad }: PoolParams): string {
  return countIncludePad ? `F(${kernel[0] * kernel[1]}.0)` : "F(f32((y1 - y0) * (x1 - x0)))";
}

/** pool: an invocation walks over the window of its result. */
export const pool: ContractRule<"pool"> = ({ params, inputs, outputs, label }) => {
  const [x, y] = [inputs[0]!, outputs[0]!];
  return perElement([x, y], y, label, (load) => {
    const value = load(0, at(x, "y", "x"));
    const loops = (inner: string[]) => [
      ...windowLines("i", "j", x.shape, params),
      "for (var y = y0; y < y1; y++) { for (var x = x0; x < x1; x++) {",
      ...inner,
      "} }",
    ];
    if (params.kind === "avg")
      return ["var total = F();", ...loops([`total += ${value};`]), `let result = total / ${divisor(params)};`];
    return [
      "var result = -infinity();",
      "var first = true;",
      ...loops([
        `let v = ${value};`,
        `result = select(result, v, (${exceeds("v", "result")}) | B(first));`,
        "first = false;",
      ]),
    ];
  });
};
