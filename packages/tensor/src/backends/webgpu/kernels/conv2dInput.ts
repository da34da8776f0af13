import type { ConvParams } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import type { ContractRule } from "./context.js";
import { chosen, isThin, packedBefore } from "./conv2d.js";
import type { Axis } from "./convolve.js";
import { directConvInput } from "./directConvInput.js";

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
