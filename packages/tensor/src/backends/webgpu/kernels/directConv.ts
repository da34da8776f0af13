import type { ConvParams, Operand } from "../../../backend.js";
import { walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { isVectorOperand } from "./context.js";

/** True when every group has one channel on both sides and vectors of four channels may be loaded. */
function isDepthwise(image: Operand, weight: Operand, output: Operand, groups: number): boolean {
  return weight.shape[0] === groups && weight.shape[1] === 1 && isVectorOperand(image, 1) && isVectorOperand(output, 1);
}

/** The kernel that sums each result, or four neighbouring channels, as `body` says. */
export function directKernel(
  image: Operand,
  weight: Operand,
  output: Operand,
  groups: number,
  body: (names: { load: (at: string) => string; weight: (at: string) => string; T: string }) => string[],
  label: string,
): Kernel {
  const four = isDepthwise(image, weight, output, groups);
  const [n, c, h, w] = output.shape as [number, number, number, number];
  const { workgroup, grid, lines } = walk([n, h, w, c], four ? 4 : 1, ["n", "i", "j", "c"]);
  const [on, oc, oh, ow] = output.strides as [number, number, number, number];
  const to = `${output.offset} + n * ${on} + i * ${oh} + j * ${ow} + c * ${oc}`;
  const load = (at: string) => (four ? `bitcast<vec4f>(ldv0(${at}))` : `bitcast<f32>(ld0(${at}))`);
  const so = weight.strides[0]!;
  const weightAt = (at: string) =>
    four
      ? `vec4f(${[0, 1, 2, 3].map((k) => `bitcast<f32>(ld1(${at} + ${k * so}))`).join(", ")})`
      : `bitcast<f32>(ld1(${at}))`;
  const code = [
    entry(workgroup),
    ...lines,
    `var total = ${four ? "vec4f()" : "0.0"};`,
    ...body({ load, weight: weightAt, T: four ? "vec4f" : "f32" }),
    four ? `stv2(${to}, bitcast<vec4u>(total));` : `st2(${to}, bitcast<u32>(total));`,
    "}",
  ].join("\n");
  return {
    label,
    places: [{ slot: image.slot }, { slot: weight.slot }, { slot: output.slot }],
    memory: four ? "vectors" : "words",
    code,
    workgroup,
    grid,
  };
}

/** conv2d with thin groups (depthwise above all): an invocation sums one result, or four neighbouring channels. */
export function directConv(
  image: Operand,
  weight: Operand,
  output: Operand,
  params: ConvParams,
  label: string,
): Kernel {
  const { stride, padding, dilation, groups } = params;
  const [outs, perIn, kh, kw] = weight.shape as [number, number, number, number];
  const [, , height, width] = image.shape as [number, number, number, number];
  const [sn, sc, sh, sw] = image.strides as [number, number, number, number];
  const [wo, wi, wh, ww] = weight.strides as [number, number, number, number];
  return directKernel(
    image,
    weight,
    output,
    groups,
    ({ load, weight: weightAt }) => [
      `let first = c / ${outs / groups} * ${perIn};`,
      `for (var a = 0; a < ${kh}; a++) {`,
      `let y = i * ${stride[0]} + a * ${dilation[0]} - ${padding[0]};`,
      `if (y < 0 || y >= ${height}) { continue; }`,
      `for (var b = 0; b < ${kw}; b++) {`,
      `let x = j * ${stride[1]} + b * ${dilation[1]} - ${padding[1]};`,
      `if (x < 0 || x >= ${width}) { continue; }`,
      `for (var p = 0; p < ${perIn}; p++) {`,
      `let v = ${load(`${image.offset} + n * ${sn} + (first + p) * ${sc} + y * ${sh} + x * ${sw}`)};`,
      `total += v * ${weightAt(`${weight.offset} + c * ${wo} + p * ${wi} + a * ${wh} + b * ${ww}`)};`,
      "} } }",
    ],
    label,
  );
}
