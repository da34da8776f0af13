import type { ConvParams, Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import type { Kernel } from "../kernel.js";
import type { Context, ContractRule } from "./context.js";
import { type Axis, type Convolution, convolve } from "./convolve.js";
import { directConv, directConvInput } from "./directConv.js";
import { packedSizes, packWeights } from "./packWeights.js";
import { fillsTiles, tiledConvolve } from "./tiledConvolve.js";

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
export const conv2d: ContractRule<"conv2d"> = ({ params, inputs, outputs, label, commit }, context) => {
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
  const axes = [axis(0), axis(1)] as const;
  return [pack, chosen({ image, output, packed, kernel, groups, axes, label }, context, commit)];
};

/**
 * Rows (or columns) of an image's gradient. Row i s + r of the image met row (i s + r + p - l t) / s of the result by tap t, where
 * that is whole: the rows of one residue r share their taps, every (s / gcd(s, l))-th from a first one on, or have none.
 */
function backward(d: 0 | 1, size: number, taps: number, { stride, padding, dilation }: ConvParams): Axis {
  const [s, p, l] = [stride[d], padding[d], dilation[d]];
  const divisor = greatestCommonDivisor(s, l);
  const every = s / divisor;
  const residues = Math.min(s, size);
  const sets = Array.from({ length: residues }, (_, r) => {
    let first = 0;
    while (first < every && (r + p - l * first) % s !== 0) first++;
    const none = first === every;
    const count = none || first >= taps ? 0 : Math.ceil((taps - first) / every);
    return { first: none ? 0 : first, count, shift: none ? 0 : (r + p - l * first) / s };
  });
  const table = (of: (set: (typeof sets)[number]) => number) => {
    const values = sets.map(of);
    return (r: string) => (residues === 1 ? String(values[0]) : `array<i32, ${residues}>(${values.join(", ")})[${r}]`);
  };
  return {
    size,
    residues,
    stride: 1,
    shift: table(({ shift }) => shift),
    step: -l / divisor,
    taps: table(({ count }) => count),
    firstTap: table(({ first }) => first),
    everyTap: every,
    mayLeave: true,
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Tiles in shared memory for hardware; a commit looks at the guard first, which no barrier may follow. */
function chosen(convolution: Convolution, context: Context, commit: boolean): Kernel {
  if (!context.software && !commit && fillsTiles(convolution)) return tiledConvolve(convolution);
  return convolve(convolution, context);
}

/** conv2dInput: the convolution of the result's gradient with the weights the other way round. */
export const conv2dInput: ContractRule<"conv2dInput"> = ({ params, inputs, outputs, label, commit }, context) => {
  const [image, weight, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { groups } = params;
  if (isThin(weight, groups)) return [directConvInput(image, weight, output, params, label)];
  const { packed, pack } = packedBefore(weight, groups, true, context);
  const kernel = weight.shape.slice(2) as [number, number];
  const axes = [
    backward(0, output.shape[2]!, kernel[0], params),
    backward(1, output.shape[3]!, kernel[1], params),
  ] as const;
  return [pack, chosen({ image, output, packed, kernel, groups, axes, label }, context, commit)];
};
