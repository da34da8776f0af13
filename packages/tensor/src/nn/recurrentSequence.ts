import { handle, isRealized, type OpParams } from "../node.js";
import { matmul } from "../ops/contract.js";
import { expand, reshape } from "../ops/convert.js";
import { add } from "../ops/elementwise.js";
import { customGradient } from "../ops/gather.js";
import { zeros } from "../ops/generate.js";
import { concat, slice, transpose } from "../ops/movement.js";
import { sum } from "../ops/reduce.js";
import type { Tensor } from "../tensor.js";
import { type Carried, type CarriedGradient, type Step, type StepGradient, sumOf } from "./recurrentStep.js";

/** The weights of one layer and direction. */
export interface RecurrentWeights {
  /** [gates * H, in] */
  weightIh: Tensor;
  /** [gates * H, H] */
  weightHh: Tensor;
  /** [gates * H] */
  biasIh?: Tensor | undefined;
  /** [gates * H] */
  biasHh?: Tensor | undefined;
}

/**
 * All steps of a sequence x [T, B, in], from the last to the first when `reverse`, from zeros when there is no `start`. Gives the
 * hidden states in the order of x, [T, B, H], and what is carried at the end.
 *
 * Its derivative is written out (back-propagation through time, Werbos 1990): one pass back over the steps leaves the gradients of
 * all gates in one matrix, and the gradient of each weight is one product with it, where the chain rule has a product, a sum of
 * rows and an addition a step.
 */
export function runSequence(
  step: Step,
  x: Tensor,
  start: Carried | undefined,
  weights: RecurrentWeights,
  reverse = false,
): { output: Tensor; end: Carried } {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  const [steps, batch, inputSize] = x.shape as [number, number, number];
  const size = weightHh.shape[1]!;
  const rows = reshape(x, [steps * batch, inputSize]);
  const projected = matmul(rows, transpose(weightIh)); // [T * B, gates * H]
  const recurrent = transpose(weightHh);
  const biases = gateBiases(step, batch, size, weights);
  const hidden = new Array<Tensor>(steps);
  const backward: ((gradients: CarriedGradient) => StepGradient)[] = [];
  const timeOf = (i: number) => (reverse ? steps - 1 - i : i);
  let carried = start;
  for (let i = 0; i < steps; i++) {
    const t = timeOf(i);
    const product = carried && matmul(carried[0]!, recurrent);
    const range = [t * batch, (t + 1) * batch] as const;
    const ran = step.forward(
      (k) => sumOf(slice(projected, range, [k * size, (k + 1) * size]), biases.input[k]),
      (k) => sumOf(product && slice(product, null, [k * size, (k + 1) * size]), biases.hidden[k]),
      carried,
    );
    carried = ran.next;
    hidden[t] = carried[0]!;
    backward.push(ran.backward);
  }

  // Rows of B: the hidden state before the first step next to it, all hidden states, the cell at the end.
  const joinsStart = start !== undefined && steps > 1;
  const cells = carried!.slice(1);
  const before = joinsStart ? [start[0]!] : [];
  const states = concat([...(reverse ? [] : before), ...hidden, ...(reverse ? before : []), ...cells]);
  const block = (t: Tensor, from: number, count = 1) => slice(t, [from * batch, (from + count) * batch]);
  const first = joinsStart && !reverse ? 1 : 0;
  const cellAt = steps + (joinsStart ? 1 : 0);

  const inputs = [x, weightIh, weightHh, ...(biasIh ? [biasIh] : []), ...(biasHh ? [biasHh] : []), ...(start ?? [])];
  const y = customGradient(states, inputs, (g) => {
    const rowsOf = (at: number) => rowsIn(g, at * batch, batch);
    const found = new Array<Tensor>(steps);
    let arrived: CarriedGradient = [undefined, ...cells.map((_, k) => rowsOf(cellAt + k))];
    for (let i = steps - 1; i >= 0; i--) {
      const t = timeOf(i);
      const { gates, before } = backward[i]!([sumOf(rowsOf(first + t), arrived[0]), ...arrived.slice(1)]);
      found[t] = concat(gates, 1);
      if (i === 0 && !start) break;
      const recalled = lastColumns(found[t], step.gates * size);
      arrived = [sumOf(before[0], matmul(recalled, weightHh)), ...before.slice(1)];
    }
    if (joinsStart) arrived = [sumOf(arrived[0], rowsOf(reverse ? steps : 0)), ...arrived.slice(1)];
    const all = concat(found); // [T * B, gates * H], or H more with a gate apart
    const toInput = slice(all, null, [0, step.gates * size]);
    const toHidden = lastColumns(all, step.gates * size);
    const total = sum(all, 0);
    const { natural, turned } = gateOrder(step, size);
    return [
      reshape(matmul(toInput, turned(weightIh)), x.shape),
      natural(matmul(transpose(toInput), rows)),
      recurrentGradient(toHidden),
      ...(biasIh ? [natural(slice(total, [0, step.gates * size]))] : []),
      ...(biasHh ? [slice(total, [total.shape[0]! - step.gates * size])] : []),
      ...(start ? start.map((part, k) => arrived[k] ?? zeros(part.shape)) : []),
    ];
  });

  /** Of weightHh: gates times the hidden states that they recalled. */
  function recurrentGradient(gates: Tensor): Tensor {
    if (joinsStart) return matmul(transpose(gates), block(states, reverse ? 1 : 0, steps));
    if (start) return matmul(transpose(gates), start[0]!);
    if (steps === 1) return zeros(weightHh.shape);
    const [later, earlier] = reverse ? [0, 1] : [1, 0];
    return matmul(transpose(block(gates, later, steps - 1)), block(states, earlier, steps - 1));
  }

  return {
    output: reshape(block(y, first, steps), [steps, batch, size]),
    end: [block(y, first + timeOf(steps - 1)), ...cells.map((_, k) => block(y, cellAt + k))],
  };
}

/** The biases of each gate, spread over the batch; what need not be apart is added once, not in every step. */
function gateBiases(step: Step, batch: number, size: number, { biasIh, biasHh }: RecurrentWeights) {
  const pieces = (bias: Tensor | undefined) => {
    const spread = bias && expand(bias, [batch, step.gates * size]);
    return Array.from({ length: step.gates }, (_, k) => spread && slice(spread, null, [k * size, (k + 1) * size]));
  };
  const both = pieces(biasIh && biasHh ? add(biasIh, biasHh) : (biasIh ?? biasHh));
  if (!step.apart) return { input: both, hidden: [] };
  const last = step.gates - 1;
  return {
    input: both.with(last, pieces(biasIh)[last]),
    hidden: pieces(biasHh).map((b, k) => (k === last ? b : undefined)),
  };
}

/** Rows of weights as the gates stand, and as their gradients do: with a gate apart, the last one first. */
function gateOrder(step: Step, size: number): { natural: (t: Tensor) => Tensor; turned: (t: Tensor) => Tensor } {
  const same = (t: Tensor) => t;
  if (!step.apart) return { natural: same, turned: same };
  const cutAt = (at: number) => (t: Tensor) => concat([slice(t, [at]), slice(t, [0, at])]);
  return { natural: cutAt(size), turned: cutAt((step.gates - 1) * size) };
}

function lastColumns(t: Tensor, count: number): Tensor {
  return slice(t, null, [t.shape[1]! - count]);
}

/**
 * `count` rows of a gradient from row `from` on; undefined where they are zero because nothing asked for them. Looks into how the
 * gradient was put together, so that the rows that did arrive are not copied between zeros first.
 */
function rowsIn(g: Tensor, from: number, count: number): Tensor | undefined {
  if (from === 0 && g.shape[0] === count) return isZero(g) ? undefined : g;
  const { node } = g;
  const inputs = isRealized(g) ? [] : node.inputs.map((v) => handle(v.node, v.index));
  if (inputs.length > 0 && node.op === "add")
    return sumOf(rowsIn(inputs[0]!, from, count), rowsIn(inputs[1]!, from, count));
  if (inputs.length > 0 && node.op === "concat" && (node.params as OpParams["concat"]).axis === 0) {
    let at = 0;
    for (const part of inputs) {
      const [low, high] = [at, (at += part.shape[0]!)];
      if (low <= from && from + count <= high) return rowsIn(part, from - low, count);
    }
  }
  if (inputs.length > 0 && node.op === "pad" && addsZeroRows(node.params as OpParams["pad"])) {
    const low = (node.params as OpParams["pad"]).before[0]!;
    const high = low + inputs[0]!.shape[0]!;
    if (from + count <= low || from >= high) return undefined;
    if (low <= from && from + count <= high) return rowsIn(inputs[0]!, from - low, count);
  }
  return isZero(g) ? undefined : slice(g, [from, from + count]);
}

function addsZeroRows({ value, before, after, interior }: OpParams["pad"]): boolean {
  return value === 0 && interior.every((n) => n === 0) && [...before.slice(1), ...after.slice(1)].every((n) => n === 0);
}

function isZero(t: Tensor): boolean {
  let { node } = t;
  while (node.op === "expand" || node.op === "reshape") node = node.inputs[0]!.node;
  return node.op === "constant" && (node.params as OpParams["constant"]).value === 0;
}
