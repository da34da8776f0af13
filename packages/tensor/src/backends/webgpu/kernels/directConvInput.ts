import type { ConvParams, Operand } from "../../../backend.js";
import type { Kernel } from "../kernel.js";
import { directKernel } from "./directConv.js";

/** conv2dInput with thin groups: an invocation sums the gradient of one element of the image, or of four neighbouring channels. */
export function directConvInput(
  gradient: Operand,
  weight: Operand,
  output: Operand,
  params: ConvParams,
  label: string,
): Kernel {
  const { stride, padding, dilation, groups } = params;
  const [outs, perIn, kh, kw] = weight.shape as [number, number, number, number];
  const perOut = outs / groups;
  const [, , height, width] = gradient.shape as [number, number, number, number];
  const [sn, sc, sh, sw] = gradient.strides as [number, number, number, number];
  const [wo, wi, wh, ww] = weight.strides as [number, number, number, number];
  return directKernel(
    gradient,
    weight,
    output,
    groups,
    ({ load, weight: weightAt }) => [
      `let first = c / ${perIn} * ${perOut};`,
      `let within = c % ${perIn};`,
      `for (var a = 0; a < ${kh}; a++) {`,
      `let y = i + ${padding[0]} - a * ${dilation[0]};`,
      `if (y < 0 || y % ${stride[0]} != 0 || y / ${stride[0]} >= ${height}) { continue; }`,
      `for (var b = 0; b < ${kw}; b++) {`,
      `let x = j + ${padding[1]} - b * ${dilation[1]};`,
      `if (x < 0 || x % ${stride[1]} != 0 || x / ${stride[1]} >= ${width}) { continue; }`,
      `for (var p = 0; p < ${perOut}; p++) {`,
      `let v = ${load(`${gradient.offset} + n * ${sn} + (first + p) * ${sc} + (y / ${stride[0]}) * ${sh} + (x / ${stride[1]}) * ${sw}`)};`,
      `total += v * ${weightAt(`${weight.offset} + (first + p) * ${wo} + within * ${wi} + a * ${wh} + b * ${ww}`)};`,
      "} } }",
    ],
    label,
  );
}
