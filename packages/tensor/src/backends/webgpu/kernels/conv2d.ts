import type { ConvParams, Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import type { Kernel } from "../kernel.js";
import type { Context, ContractRule } from "./context.js";
import { type Axis, convolve } from "./convolve.js";
import { directConv, directConvInput } from "./directConv.js";
import { packedSizes, packWeights } from "./packWeights.js";

/** True when groups have so few channels that blocks of 4 x 4 channels would be mostly zeros. */
function isThin(weight: Operand, groups: number): boolean {
  return groups > 1 && (weight.shape[1]! < 3 || weight.shape[0]! / groups < 3);
}

function packedBefore(weight: Operand, groups: number, transposed: boolean, context: Context) {
  const { from, to, words } = packedSizes(weight, groups, transposed);
  const workspace = context.workspace(words);
  return { packed: { workspace, from, to }, pack: packWeights(weight, groups, transposed, workspace) };
}

/** conv2d: weights are packed, then blocks of pixels by channels are summed up in registers. */
export const conv2d: ContractRule<"conv2d"> = ({ params, inputs, outputs, label }, context) => {
  const [image, weight, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { groups, stride, padding, dilation } = params;
  if (isThin(weight, groups)) return [directConv(image, weight, output, params, label)];
  const { packed, pack } = packedBefore(weight, groups, false, context);
  const kernel = weight.shape.slice(2) as [number, number];
  const axis = (d: 0 | 1): Axis => ({
    count: output.shape[2 + d]!,
    outFirst: 0,
    outEvery: 1,
    stride: stride[d],
    shift: -padding[d],
    step: dilation[d],
    taps: kernel[d],
    tapFirst: 0,
    tapEvery: 1,
  });
  return [pack, convolve({ image, output, packed, kernel, groups, axes: [axis(0), axis(1)], label }, context)];
};

/** The rows (or columns) of an image's gradient with one residue of the stride: a plain convolution over some of the taps. */
function residues(d: 0 | 1, size: number, taps: number, { stride, padding, dilation }: ConvParams): Axis[] {
  const [s, p, l] = [stride[d], padding[d], dilation[d]];
  return Array.from({ length: Math.min(s, size) }, (_, first) => {
    // Row first + s i of the image met row (first + s i + p - tap l) / s of the result, where that is whole.
    const used = Array.from({ length: taps }, (_, tap) => tap).filter((tap) => (first + p - tap * l) % s === 0);
    const [one = 0, two = one] = used;
    return {
      count: Math.ceil((size - first) / s),
      outFirst: first,
      outEvery: s,
      stride: 1,
      shift: (first + p - one * l) / s,
      step: -((two - one) * l) / s,
      taps: used.length,
      tapFirst: one,
      tapEvery: two - one,
    };
  });
}

/** conv2dInput: the convolution of the result's gradient with the weights the other way round, residue by residue of the stride. */
export const conv2dInput: ContractRule<"conv2dInput"> = ({ params, inputs, outputs, label }, context) => {
  const [image, weight, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { groups } = params;
  if (isThin(weight, groups)) return [directConvInput(image, weight, output, params, label)];
  const { packed, pack } = packedBefore(weight, groups, true, context);
  const kernel = weight.shape.slice(2) as [number, number];
  const kernels: Kernel[] = [pack];
  for (const rows of residues(0, output.shape[2]!, kernel[0], params)) {
    for (const columns of residues(1, output.shape[3]!, kernel[1], params)) {
      // Without a tap a residue's gradient is zero: a loop of no turns writes that, but needs whole numbers.
      const axes = [rows, columns].map((axis) =>
        axis.taps === 0 ? { ...axis, shift: 0, step: 0 } : axis,
      ) as unknown as readonly [Axis, Axis];
      kernels.push(convolve({ image, output, packed, kernel, groups, axes, label }, context));
    }
  }
  return kernels;
};
