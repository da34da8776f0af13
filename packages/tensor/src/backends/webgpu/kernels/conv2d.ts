import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import type { Kernel } from "../kernel.js";
import { rare } from "../onDemand.js";
import type { Context, ContractRule } from "./context.js";
import { type Axis, type Convolution, convolve } from "./convolve.js";
import { packedSizes, packWeights } from "./packWeights.js";
import { fillsTiles, tiledConvolve } from "./tiledConvolve.js";

/** True when groups have so few channels that blocks of 4 x 4 channels would be mostly zeros. */
export function isThin(weight: Operand, groups: number): boolean {
  return groups > 1 && (weight.shape[1]! < 3 || weight.shape[0]! / groups < 3);
}

/** The weights as the kernels read them, and the kernel that packs them. */
export function packedBefore(weight: Operand, groups: number, transposed: boolean, context: Context) {
  const { from, to, words } = packedSizes(weight, groups, transposed);
  const workspace = context.workspace(words);
  return { packed: { workspace, from, to }, pack: packWeights(weight, groups, transposed, workspace) };
}

/** conv2d: weights are packed, then blocks of pixels by channels are summed up in registers. */
export const conv2d: ContractRule<"conv2d"> = ({ params, inputs, outputs, label, commit }, context) => {
  const [image, weight, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { groups, stride, padding, dilation } = params;
  if (isThin(weight, groups)) return [rare().directConv(image, weight, output, params, label)];
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
  const axes = [axis(0), axis(1)] as const;
  return [pack, chosen({ image, output, packed, kernel, groups, axes, label }, context, commit)];
};

/** Tiles in shared memory for hardware; a commit looks at the guard first, which no barrier may follow. */
export function chosen(convolution: Convolution, context: Context, commit: boolean): Kernel {
  if (!context.software && !commit && fillsTiles(convolution)) return tiledConvolve(convolution);
  return convolve(convolution, context);
}
