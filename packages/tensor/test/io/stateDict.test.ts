import { afterEach, describe, expect, test } from "vitest";
import { discard, Parameter, State } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.js";
import { loadStateDict, stateDict, torchName } from "../../src/io/stateDict.js";
import * as nn from "../../src/nn/index.js";
import { Module } from "../../src/nn/module.js";
import { mul, sub } from "../../src/ops/elementwise.js";
import { tensor, zeros } from "../../src/ops/generate.js";
import { realize } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { engines, expectClose, golden, goldenBytes, type Packed, unpack } from "../nn/golden.js";
import { ResNet18 } from "../nn/resnet18.js";

type Spec = [name: string, shape: number[], dtype: string][];
interface Model {
  spec: Spec;
  input: Packed;
  output: Packed;
}

const models = golden<{ resnet18: { spec: Spec; parameters: number }; narrow: Model; lstm: Model }>("models.json");

/** Names, shapes and PyTorch's dtypes of a state dict; i32 counts as the int64 it is stored as. */
async function specOf(module: nn.AnyModule): Promise<Spec> {
  const decoded = decodeSafetensors(await encodeSafetensors(await stateDict(module))).tensors;
  return [...(await stateDict(module))].map(([name]) => {
    const t = decoded.get(name)!;
    return [name, [...t.shape], t.dtype === "f32" ? "torch.float32" : "torch.int64"];
  });
}

afterEach(discard);

describe("state dicts", () => {
  test("a resnet18 has torchvision's names, shapes and number of parameters, in order", async () => {
    const model = new ResNet18();
    expect(await specOf(model)).toEqual(models.resnet18.spec);
    expect(model.parameters().reduce((n, p) => n + p.value.size, 0)).toBe(models.resnet18.parameters);
    expect(String(model)).toContain("11,689,512 parameters");
  });

  test("a 2-layer LSTM has PyTorch's names and shapes, in order", async () => {
    expect(await specOf(new nn.LSTM(6, 5, { layers: 2 }))).toEqual(models.lstm.spec);
  });

  test.each([
    ["narrow", () => new ResNet18({ width: 4, classes: 5 }), "resnet18.safetensors"],
    ["lstm", () => new nn.LSTM(6, 5, { layers: 2 }), "lstm.safetensors"],
  ] as const)("%s: PyTorch's values are loaded exactly and written to the same bytes", async (name, make, path) => {
    const bytes = goldenBytes(path);
    const model = make();
    const given = decodeSafetensors(bytes).tensors;
    expect(loadStateDict(model, given)).toEqual({ missing: [], unexpected: [] });
    const held = await stateDict(model);
    expect([...held.keys()]).toEqual(models[name].spec.map(([key]) => key));
    for (const [key, t] of held) expect(t.node.host[0], key).toEqual(given.get(key)!.node.host[0]);
    expect(Buffer.compare(await encodeSafetensors(held), bytes)).toBe(0);
  });

  test.each(engines)("loaded models give PyTorch's outputs ($name)", async (engine) => {
    const resnet = new ResNet18({ width: 4, classes: 5 });
    loadStateDict(resnet, decodeSafetensors(goldenBytes("resnet18.safetensors")).tensors);
    const lstm = new nn.LSTM(6, 5, { layers: 2 });
    loadStateDict(lstm, decodeSafetensors(goldenBytes("lstm.safetensors")).tensors);
    const outputs = [resnet.eval().call(unpack(models.narrow.input)), lstm.call(unpack(models.lstm.input)).output];
    const found = await engine.read(outputs);
    expectClose(engine, "resnet18's output", outputs[0]!, found[0]!, models.narrow.output);
    expectClose(engine, "the LSTM's output", outputs[1]!, found[1]!, models.lstm.output);
  });

  test("all differences are reported at once, and nothing is loaded then", async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
    const before = await stateDict(model);
    const given = {
      "0.weight": zeros([3, 2]).cast("i32"),
      "0.bias": tensor([1, 2, 3]),
      "1.weight": tensor([[1, 2]]),
      "2.weight": tensor([1]),
    };
    let message = "";
    try {
      loadStateDict(model, given);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe(
      [
        "[loadStateDict] the tensors do not fit the module.",
        "  1 missing: 1.bias",
        "  1 unexpected: 2.weight",
        "  2 of another shape or type: 0.weight: i32 [3, 2] for f32 [3, 2], 1.weight: f32 [1, 2] for f32 [1, 3]",
      ].join("\n"),
    );
    for (const [name, t] of await stateDict(model))
      expect(t.node.host[0], name).toEqual(before.get(name)!.node.host[0]);
  });

  test("without strict, what fits is loaded and the rest reported; shapes must fit always", async () => {
    const model = new nn.Linear(2, 1);
    expect(loadStateDict(model, { weight: tensor([[5, 6]]), other: tensor([1]) }, { strict: false })).toEqual({
      missing: ["bias"],
      unexpected: ["other"],
    });
    expect([...(await stateDict(model)).get("weight")!.node.host[0]!]).toEqual([5, 6]);
    expect(() => loadStateDict(model, { weight: tensor([5, 6]) }, { strict: false })).toThrow(
      "weight: f32 [2] for f32 [1, 2]",
    );
    expect(() => loadStateDict(model, { weight: tensor([[5, 6]]) })).toThrow(
      "1 missing: bias\nPass {strict: false} to load what fits?",
    );
    expect(() => loadStateDict(model, { weight: tensor([[1, 2]]).mul(2), bias: tensor([1]) })).toThrow(
      "weight: its values are not on the host",
    );
  });

  test("old files without num_batches_tracked load", () => {
    const given = { weight: tensor([1]), bias: tensor([1]), running_mean: tensor([1]), running_var: tensor([1]) };
    expect(loadStateDict(new nn.BatchNorm1d(1), given)).toEqual({ missing: [], unexpected: [] });
  });

  test("tied weights are written under each name and loaded from any", async () => {
    class Tied extends Module<Tensor, Tensor> {
      readonly encoder = new nn.Embedding(3, 2);
      readonly outputLayer = { weight: this.encoder.weight };
      readonly hidden = new State(tensor([0]), "", { persistent: false });
      forward(x: Tensor): Tensor {
        return this.encoder.call(x);
      }
    }
    const model = new Tied();
    expect([...(await stateDict(model)).keys()]).toEqual(["encoder.weight", "output_layer.weight"]);
    loadStateDict(model, {
      "output_layer.weight": tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    });
    expect([...(await stateDict(model)).get("encoder.weight")!.node.host[0]!]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("names become PyTorch's; two fields that become one name are an error", async () => {
    expect(
      ["runningMean", "weightIhL0Reverse", "layers.0.numBatchesTracked", "conv1.weight", "Upper"].map(torchName),
    ).toEqual(["running_mean", "weight_ih_l0_reverse", "layers.0.num_batches_tracked", "conv1.weight", "upper"]);
    class Twice extends nn.Identity {
      readonly aB = new Parameter(tensor([1]));
      readonly a_b = new Parameter(tensor([1]));
    }
    await expect(stateDict(new Twice())).rejects.toThrow(
      "[stateDict] two fields are written as a_b; the second is a_b.",
    );
  });

  test("the dict of a trained model is its committed state, and loads into a trained model", async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 1));
    const start = await stateDict(model);
    const step = async () => {
      const loss = nn.mse(
        model.call(
          tensor([
            [1, 2],
            [3, 5],
            [2, 2],
          ]),
        ),
        tensor([[1], [0], [2]]),
      );
      const parameters = model.parameters();
      for (const [i, g] of gradients(loss, parameters).entries()) {
        parameters[i]!.set(sub(parameters[i]!.value, mul(g, 0.1)));
      }
      await realize(loss);
      return loss.item();
    };
    const losses = [await step(), await step(), await step()];
    expect(losses[2]).toBeLessThan(losses[0]!);
    const trained = await stateDict(model);
    expect([...trained.get("1.num_batches_tracked")!.node.host[0]!]).toEqual([3]);
    const held = trained.get("0.weight")!.node.host[0]!.slice();
    expect(held).not.toEqual(start.get("0.weight")!.node.host[0]);
    loadStateDict(model, start);
    expect(await step()).toBeCloseTo(losses[0]!, 6);
    expect(trained.get("0.weight")!.node.host[0], "a dict does not change with later steps").toEqual(held);
    model.call(
      tensor([
        [1, 2],
        [0, 0],
      ]),
    ); // queues statistics that belong to no step yet
    expect([...(await stateDict(model)).get("1.num_batches_tracked")!.node.host[0]!]).toEqual([1]);
  });
});

test("halves load into f32 cells, and f32 into cells of halves", async () => {
  class Two extends Module<Tensor, Tensor> {
    readonly wide = new Parameter(tensor([0, 0]));
    readonly half = new State(tensor([0, 0], { dtype: "f16" }));
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const module = new Two();
  loadStateDict(module, { wide: tensor([0.1, 2], { dtype: "f16" }), half: tensor([0.1, 2]) });
  expect(module.wide.dtype).toBe("f32");
  expect(await module.wide.committed.data()).toEqual(Float32Array.of(0.0999755859375, 2));
  expect(module.half.dtype).toBe("f16");
  expect(await module.half.committed.data()).toEqual(Float32Array.of(0.0999755859375, 2));
  module.half.set(module.half.value.mul(0.1));
  await realize(module.half.value);
  expect(await module.half.committed.data()).toEqual(Float32Array.of(0.00999450683594, 0.199951171875));
  expect([...(await stateDict(module)).values()].map(({ dtype }) => dtype)).toEqual(["f32", "f16"]);
});
