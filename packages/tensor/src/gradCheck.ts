import { hostArray } from "./dtype.js";
import { TensorError } from "./errors.js";
import { gradients } from "./gradients.js";
import { leaf } from "./node.js";
import { mul } from "./ops/elementwise.js";
import { tensor } from "./ops/generate.js";
import { sum } from "./ops/reduce.js";
import { Generator, randomState, setRandomState } from "./random.js";
import { contiguousStrides, formatShape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Options of gradCheck. */
export interface GradCheckOptions {
  /** Half of the distance between the two points of a difference, for elements around 1 (0.005, about the cube root of f32's precision). */
  epsilon?: number;
  /** Largest error, relative to 1 + the derivative's size (0.005). */
  tolerance?: number;
  /** At most this many elements of each input are checked, evenly spread (100). */
  elements?: number;
  /** How tensors are computed: on the current device, by `data()`, unless something else is to be checked. */
  evaluate?: (t: Tensor) => Promise<ArrayLike<number>> | ArrayLike<number>;
}

/** One element's derivative, by the graph and by differences. */
export interface GradCheckElement {
  input: number;
  position: number[];
  analytic: number;
  numeric: number;
  /** |analytic - numeric| / (1 + the larger size). */
  error: number;
}

/** What gradCheck found: how many elements it compared, and the worst of them. */
export interface GradCheckReport {
  checked: number;
  worst: GradCheckElement | undefined;
}

/**
 * Compares `gradients` of fn with central differences at `inputs` (f32 ones; others are passed as they are). The output, of any
 * shape, is projected on fixed random weights. Random numbers inside fn are the same at each call. Throws naming the worst element.
 */
export async function gradCheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { epsilon = 5e-3, tolerance = 5e-3, elements = 100, evaluate = (t) => t.data() }: GradCheckOptions = {},
): Promise<GradCheckReport> {
  const random = randomState();
  const call = (list: readonly Tensor[]) => {
    setRandomState(random);
    return fn(...list);
  };
  const points: Tensor[] = [];
  for (const t of inputs)
    points.push(leaf(Object.assign(hostArray(t.dtype, t.size), await evaluate(t)), t.shape, t.dtype));
  const output = call(points);
  const generator = new Generator(0, 7);
  const weights = Float32Array.from({ length: output.size }, () => 0.5 + generator.uniform());
  const reals = points.flatMap((t, i) => (t.dtype === "f32" ? [i] : []));
  const loss = sum(mul(output, tensor(weights, { shape: output.shape })));
  const analytic = gradients(
    loss,
    reals.map((i) => points[i]!),
    { unused: "zeros" },
  );
  // Summed here in f64: the rounding of a sum on the device would drown the difference.
  const project = async (list: readonly Tensor[]) => {
    const values = await evaluate(call(list));
    return weights.reduce((total, w, i) => total + w * values[i]!, 0);
  };
  const report: GradCheckReport = { checked: 0, worst: undefined };
  for (const [k, input] of reals.entries()) {
    const gradient = await evaluate(analytic[k]!);
    const at = points[input]!;
    const host = at.node.host[at.index] as Float32Array;
    const moved = (i: number, by: number) => {
      const copy = host.slice();
      copy[i] = copy[i]! + by;
      return { value: copy[i]!, list: points.map((t, j) => (j === input ? leaf(copy, t.shape, "f32") : t)) };
    };
    const stride = Math.max(1, Math.ceil(at.size / elements));
    for (let i = 0; i < at.size; i += stride) {
      const by = epsilon * Math.max(1, Math.abs(host[i]!));
      const above = moved(i, by);
      const below = moved(i, -by);
      const numeric = ((await project(above.list)) - (await project(below.list))) / (above.value - below.value);
      const exact = gradient[i]!;
      const error = Math.abs(exact - numeric) / (1 + Math.max(Math.abs(exact), Math.abs(numeric)));
      report.checked++;
      // NaN is the worst of errors.
      if (!report.worst || Number.isNaN(error) || error > report.worst.error) {
        report.worst = { input, position: positionOf(i, at.shape), analytic: exact, numeric, error };
      }
    }
  }
  const { worst } = report;
  if (worst && !(worst.error <= tolerance)) {
    throw new TensorError(
      "gradCheck",
      `input ${worst.input}, element ${formatShape(worst.position)}: the graph's derivative is ${worst.analytic}, differences give ` +
        `${worst.numeric} (error ${worst.error.toExponential(1)}, allowed ${tolerance}). Is there a kink nearby, or a derivative missing?`,
    );
  }
  return report;
}

function positionOf(index: number, shape: readonly number[]): number[] {
  const strides = contiguousStrides(shape);
  return shape.map((d, i) => Math.floor(index / strides[i]!) % d);
}
