import type { Operand } from "../../../backend.js";
import { walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";

/** Weights as the convolution kernels read them: [groups][kernel rows][kernel columns][from][to], from and to filled up with zeros to multiples of 4. */
export interface Packed {
  readonly workspace: number;
  readonly from: number;
  readonly to: number;
}

const four = (n: number) => Math.ceil(n / 4) * 4;

/** Channels of a group on both sides of a convolution, as packed: `transposed` reads outputs and writes inputs. */
export function packedSizes(
  weight: Operand,
  groups: number,
  transposed: boolean,
): { from: number; to: number; words: number } {
  const [outs, ins, kh, kw] = weight.shape as [number, number, number, number];
  const from = four(transposed ? outs / groups : ins);
  const to = four(transposed ? ins : outs / groups);
  return { from, to, words: groups * kh * kw * from * to };
}

/** The kernel that packs the weights of a convolution into the workspace. */
export function packWeights(weight: Operand, groups: number, transposed: boolean, workspace: number): Kernel {
  const [outs, ins, kh, kw] = weight.shape as [number, number, number, number];
  const { from, to } = packedSizes(weight, groups, transposed);
  const [so, si, sh, sw] = weight.strides as [number, number, number, number];
  const perGroup = outs / groups;
  const { workgroup, grid, lines } = walk([groups, kh, kw, from, to], 1, ["g", "i", "j", "p", "q"]);
  const [out, channel] = transposed ? ["p", "q"] : ["q", "p"];
  const code = [
    entry(workgroup),
    ...lines,
    "var word = 0u;",
    `if (${out} < ${perGroup} && ${channel} < ${ins}) {`,
    `  word = ld0(${weight.offset} + (g * ${perGroup} + ${out}) * ${so} + ${channel} * ${si} + i * ${sh} + j * ${sw});`,
    "}",
    `st1((((g * ${kh} + i) * ${kw} + j) * ${from} + p) * ${to} + q, word);`,
    "}",
  ].join("\n");
  return {
    label: "pack weights",
    places: [{ slot: weight.slot }, { workspace }],
    memory: "words",
    code,
    workgroup,
    grid,
  };
}
