import { describe, expect, test } from "vitest";
import { gradients } from "../../src/gradients.js";
import { loadStateDict, torchName } from "../../src/io/stateDict.js";
import * as nn from "../../src/nn/index.js";
import type { Module } from "../../src/nn/module.js";
import type { LSTMState, RecurrentOutput } from "../../src/nn/recurrent.js";
import { topological } from "../../src/node.js";
import { add, mul } from "../../src/ops/elementwise.js";
import { zeros } from "../../src/ops/generate.js";
import { sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { engines, expectClose, golden, type Packed, unpack } from "./golden.js";

interface RecurrentCase {
  name: "RNN" | "GRU" | "LSTM" | "RNNCell" | "GRUCell" | "LSTMCell";
  args: unknown[];
  weights: Record<string, Packed>;
  input: Packed;
  state: Packed[] | null;
  output: Packed | null;
  end: Packed[];
  seed: Packed;
  gradients: Record<string, Packed>;
}

type State = Tensor | LSTMState;
type Net = Module<{ input: Tensor; state?: State | undefined } | Tensor, RecurrentOutput<State> | State>;

/** Everything that the library exports, by name. */
const library: Record<string, unknown> = { ...nn };

const { recurrent } = golden<{ recurrent: RecurrentCase[] }>("nn.json");

function partsOf(state: State): Tensor[] {
  return "hidden" in state ? [state.hidden, state.cell] : [state];
}

describe.each(engines)("recurrent nets agree with PyTorch ($name)", (engine) => {
  test.each(recurrent.map((c) => [`${c.name} ${JSON.stringify(c.args)}`, c] as const))("%s", async (_, c) => {
    const Layer = library[c.name] as new (...given: unknown[]) => Net;
    const net = new Layer(...c.args);
    loadStateDict(net, new Map(Object.entries(c.weights).map(([key, packed]) => [key, unpack(packed)])));
    expect(net.namedParameters().map(([name]) => torchName(name))).toEqual(Object.keys(c.weights));
    const input = unpack(c.input);
    const start = c.state?.map(unpack);
    const state: State | undefined = start && (start.length === 2 ? { hidden: start[0]!, cell: start[1]! } : start[0]!);
    const result = net.call(state ? { input, state } : input);
    const [output, end] = "output" in result ? [result.output, partsOf(result.state)] : [undefined, partsOf(result)];
    const seeded = sum(mul(output ?? end[0]!, unpack(c.seed)));
    const loss = end.reduce((total, part) => add(total, sum(mul(part, 0.5))), seeded);
    const wanted: [string, Tensor][] = [
      ...net.namedParameters().map(([name, p]): [string, Tensor] => [torchName(name), p.value]),
      ["input", input],
    ];
    for (const [i, part] of (start ?? []).entries()) wanted.push([`state${i}`, part]);
    const found = gradients(
      loss,
      wanted.map(([, t]) => t),
    );
    const tensors = [...(output ? [output] : []), ...end, ...found];
    const expected = [...(c.output ? [c.output] : []), ...c.end, ...wanted.map(([name]) => c.gradients[name]!)];
    const names = [
      ...(output ? ["the output"] : []),
      ...end.map((_, i) => `end ${i}`),
      ...wanted.map(([name]) => `the gradient of ${name}`),
    ];
    const values = await engine.read(tensors);
    for (const [i, t] of tensors.entries()) expectClose(engine, names[i]!, t, values[i]!, expected[i]!);
  });
});

describe("recurrent nets", () => {
  const products = (t: Tensor) => topological([t], () => false).filter((node) => node.op === "matmul").length;

  test("the inputs of all steps are projected by one product a layer; a start from zeros needs none", () => {
    const net = new nn.LSTM(3, 4, { layers: 2 });
    const { output, state } = net.call(zeros([6, 2, 3]));
    expect(products(output)).toBe(2 * (1 + 5));
    expect(products(net.call({ input: zeros([6, 2, 3]), state }).output)).toBe(2 * (1 + 5) + 2 * (1 + 6));
  });

  test("dropout between layers draws in training only", () => {
    const random = (t: Tensor) => topological([t], () => false).filter((node) => node.op === "random").length;
    const net = new nn.GRU(3, 4, { layers: 3, dropout: 0.5 });
    expect(random(net.call(zeros([2, 2, 3])).output)).toBe(2);
    expect(random(net.eval().call(zeros([2, 2, 3])).output)).toBe(0);
  });

  test("wrong inputs and states say what is expected", () => {
    const net = new nn.LSTM(3, 4, { bidirectional: true });
    expect(() => net.call(zeros([2, 3]))).toThrow(
      "[LSTM] the input has shape [2, 3], expected [T, B, 3] with at least one step.",
    );
    const state = { hidden: zeros([1, 2, 4]), cell: zeros([2, 2, 4]) };
    expect(() => net.call({ input: zeros([5, 2, 3]), state })).toThrow(
      "[LSTM] the state has shape [1, 2, 4], expected [layers * directions, B, hiddenSize] = [2, 2, 4].",
    );
    expect(() => new nn.GRUCell(3, 4).call({ input: zeros([2, 3]), state: zeros([3, 4]) })).toThrow(
      "[GRUCell] the state has shape [3, 4]",
    );
    expect(() => new nn.RNN(3, 4, { layers: 0 })).toThrow("[RNN] layers is 0");
  });
});
