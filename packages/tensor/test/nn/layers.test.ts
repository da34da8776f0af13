import { describe, expect, test } from "vitest";
import { discard } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { loadStateDict, torchName } from "../../src/io/stateDict.js";
import * as nn from "../../src/nn/index.js";
import type { Module } from "../../src/nn/module.js";
import { mul } from "../../src/ops/elementwise.js";
import { sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { engines, expectClose, golden, type Packed, unpack } from "./golden.js";

interface LayerCase {
  name: string;
  args: unknown[];
  note: string;
  training: boolean;
  state: Record<string, Packed>;
  input: Packed;
  output: Packed;
  seed: Packed;
  gradients: Record<string, Packed>;
  after: Record<string, Packed>;
  inference: Packed;
}

/** Everything that the library exports, by name. */
const library: Record<string, unknown> = { ...nn };

const { layers } = golden<{ layers: LayerCase[] }>("nn.json");

/** The layer of a case, with its state loaded. */
function build({ name, args, state, training }: LayerCase): Module<Tensor, Tensor> {
  const Layer = library[name] as new (...given: unknown[]) => Module<Tensor, Tensor>;
  const layer = new Layer(...args);
  loadStateDict(layer, new Map(Object.entries(state).map(([key, packed]) => [key, unpack(packed)])));
  return layer.train(training);
}

describe.each(engines)("layers agree with PyTorch ($name)", (engine) => {
  test.each(layers.map((c) => [`${c.name} ${JSON.stringify(c.args)} ${c.note}`.trim(), c] as const))(
    "%s",
    async (_, c) => {
      const layer = build(c);
      const x = unpack(c.input);
      const y = layer.call(x);
      const parameters = layer.namedParameters();
      const wanted: [string, Tensor | nn.AnyModule | (typeof parameters)[number][1]][] = parameters.map(([name, p]) => [
        torchName(name),
        p,
      ]);
      if (c.gradients.input) wanted.push(["input", x]);
      const loss = sum(mul(y, unpack(c.seed)));
      const found =
        wanted.length > 0
          ? gradients(
              loss,
              wanted.map(([, t]) => t as Tensor),
            )
          : [];
      expect(wanted.map(([name]) => name).sort()).toEqual(Object.keys(c.gradients).sort());
      const [output, ...rest] = await engine.read([y, ...found]);
      expectClose(engine, "the output", y, output!, c.output);
      for (const [i, [name]] of wanted.entries()) {
        expectClose(engine, `the gradient of ${name}`, found[i]!, rest[i]!, c.gradients[name]!);
      }
      const states = layer.namedStates();
      expect(states.map(([name]) => torchName(name)).sort()).toEqual(Object.keys(c.after).sort());
      const values = await engine.readCells(states.map(([, state]) => state));
      for (const [i, [name, state]] of states.entries()) {
        expectClose(engine, name, state, values[i]!, c.after[torchName(name)]!);
      }
      const inference = layer.eval().call(x);
      const [still] = await engine.read([inference]);
      expectClose(engine, "the output in inference", inference, still!, c.inference);
      discard();
    },
  );
});
