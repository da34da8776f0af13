import type { ConvParams, Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
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
  const axis = (d: 0 | 1): Axis => {
    const size = output.shape[2 + d]!;
    const last = (size - 1) * stride[d] - padding[d] + (kernel[d] - 1) * dilation[d];
    return {
      size,
      residues: 1,
      stride: stride[d],
      shift: () => String(-padding[d]),
      step: dilation[d],
      taps: () => String(kernel[d]),
      firstTap: () => "0",
      everyTap: 1,
      mayLeave: padding[d] > 0 || last >= image.shape[2 + d]!,
    };
  };
  return [pack, convolve({ image, output, packed, kernel, groups, axes: [axis(0), axis(1)], label }, context)];
};

/**
 * Rows (or columns) of an image's gradient. Row i s + r of the image met row (i s + r + p - tap l) / s of the result, where that
 * is whole: the rows of one residue r share their taps. Dilated taps are all visited when the stride is 1.
 */
function backward(d: 0 | 1, size: number, taps: number, { stride, padding, dilation }: ConvParams): Axis {
  const [s, p, l] = [stride[d], padding[d], dilation[d]];
  const residues = Math.min(s, size);
  const first = (r: string) => (s === 1 ? "0" : `((${r} + ${p}) % ${s})`);
  return {
    size,
    residues: s === residues ? s : residues,
    stride: 1,
    shift: (r) => (s === 1 ? String(p) : `(${r} + ${p} - ${first(r)}) / ${s}`),
    step: -l,
    taps: (r) => (s === 1 ? String(taps) : `(${taps - 1} - ${first(r)} + ${s}) / ${s}`),
    firstTap: first,
    everyTap: s,
    mayLeave: true,
  };
}

/** conv2dInput: the convolution of the result's gradient with the weights the other way round. */
export const conv2dInput: ContractRule<"conv2dInput"> = ({ params, inputs, outputs, label }, context) => {
  const [image, weight, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { groups } = params;
  const mixed = ([0, 1] as const).some((d) => params.stride[d] > 1 && params.dilation[d] > 1);
  if (mixed || isThin(weight, groups)) return [directConvInput(image, weight, output, params, label)];
  const { packed, pack } = packedBefore(weight, groups, true, context);
  const kernel = weight.shape.slice(2) as [number, number];
  const axes = [
    backward(0, output.shape[2]!, kernel[0], params),
    backward(1, output.shape[3]!, kernel[1], params),
  ] as const;
  return [pack, convolve({ image, output, packed, kernel, groups, axes, label }, context)];
};
