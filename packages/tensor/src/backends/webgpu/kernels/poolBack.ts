import type { ContractRule } from "./context.js";
import { at, divisor, exceeds, perElement, windowLines } from "./pool.js";

/** poolBack: an invocation gathers what the windows over its element give it; a maximum goes to its first place. */
export const poolBack: ContractRule<"poolBack"> = ({ params, inputs, outputs, label }) => {
  const [x, dy, dx] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [, , rows, columns] = dy.shape as [number, number, number, number];
  const { kernel, stride, padding } = params;
  const range = (own: string, name: string, d: 0 | 1, count: number) => [
    `let ${name}0 = select(0, (${own} + ${padding[d]} - ${kernel[d]}) / ${stride[d]} + 1, ${own} + ${padding[d]} >= ${kernel[d]});`,
    `let ${name}1 = min(${count - 1}, (${own} + ${padding[d]}) / ${stride[d]});`,
  ];
  return perElement([x, dy, dx], dx, label, (load) => {
    const gradient = load(1, at(dy, "r", "s"));
    const inner =
      params.kind === "avg"
        ? [`result += ${gradient} / ${divisor(params)};`]
        : [
            "var best = F(); var place = I(-1);",
            "for (var y = y0; y < y1; y++) { for (var x = x0; x < x1; x++) {",
            `let v = ${load(0, at(x, "y", "x"))};`,
            `let wins = (place < I(0)) | (${exceeds("v", "best")});`,
            `best = select(best, v, wins); place = select(place, I(y * ${x.shape[3]} + x), wins);`,
            "} }",
            `result = select(result, result + ${gradient}, place == I(i * ${x.shape[3]} + j));`,
          ];
    return [
      "var result = F();",
      ...range("i", "r", 0, rows),
      ...range("j", "s", 1, columns),
      "for (var r = r0; r <= r1; r++) { for (var s = s0; s <= s1; s++) {",
      ...windowLines("r", "s", x.shape, params),
      ...inner,
      "} }",
    ];
  });
};
