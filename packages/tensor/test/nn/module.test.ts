import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { discard, Parameter, queuedAssignments, State } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import * as nn from "../../src/nn/index.js";
import { type AnyModule, Module } from "../../src/nn/module.js";
import { tensor, zeros } from "../../src/ops/generate.js";
import { backend, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { evaluate } from "../reference.js";

const names = (module: AnyModule) => module.namedParameters().map(([name]) => name);
const host = () => tensor([1, 2]);

/** Layers in every kind of field. */
class Everything extends Module<Tensor, Tensor> {
  readonly scale = new Parameter(host());
  readonly carried = new State(host(), "", { persistent: false });
  readonly layers = [new nn.Linear(2, 2), new nn.Linear(2, 3, { bias: false })];
  readonly heads = { left: new nn.Linear(3, 1), right: new nn.Sequential(new nn.ReLU(), new nn.Linear(3, 1)) };
  readonly extra = [new Parameter(host()), new Parameter(host())];
  readonly sizes = [2, 3, 1];
  readonly activation = (x: Tensor) => x.tanh();
  readonly missing: nn.Linear | undefined = undefined;
  readonly remembered = zeros([3]);

  forward(x: Tensor): Tensor {
    return this.heads.left.call(this.layers.reduce((y, layer) => layer.call(y), x.mul(this.scale.value)));
  }
}

describe("walking", () => {
  test("fields, arrays and records are walked, in order, with bare indices", () => {
    const model = new Everything();
    expect(names(model)).toEqual([
      "scale",
      "layers.0.weight",
      "layers.0.bias",
      "layers.1.weight",
      "heads.left.weight",
      "heads.left.bias",
      "heads.right.1.weight",
      "heads.right.1.bias",
      "extra.0",
      "extra.1",
    ]);
    expect(model.namedStates().map(([name]) => name)).toEqual(["carried"]);
    expect(model.namedChildren().map(([name]) => name)).toEqual(["layers.0", "layers.1", "heads.left", "heads.right"]);
    expect(model.namedModules().map(([name]) => name)).toEqual([
      "",
      "layers.0",
      "layers.1",
      "heads.left",
      "heads.right",
      "heads.right.0",
      "heads.right.1",
    ]);
    expect(model.children()[0]).toBe(model.layers[0]);
    expect(model.parameters()).toHaveLength(10);
  });

  test("cells take the longest name they are found under, and errors name them", () => {
    const model = new Everything();
    model.layers[1]!.parameters();
    expect(model.layers[1]!.weight.name).toBe("weight");
    const parameters = model.parameters();
    expect(model.layers[1]!.weight.name).toBe("layers.1.weight");
    model.layers[1]!.parameters();
    expect(model.layers[1]!.weight.name).toBe("layers.1.weight");
    const loss = model.call(tensor([[1, 2]])).sum();
    expect(() => gradients(loss, parameters)).toThrow("the loss does not depend on heads.right.1.weight [1, 3]");
    expect(() => model.layers[1]!.weight.set(zeros([2]))).toThrow("layers.1.weight holds f32 [3, 2], not f32 [2]");
    expect(() => model.layers[1]!.call(zeros([4, 3]))).toThrow(
      "[Linear] the input has shape [4, 3], expected [..., 2] for layers.1.weight [3, 2].",
    );
  });

  test("tied weights appear once, under their first name; with tied, under each", () => {
    class Tied extends Module<Tensor, Tensor> {
      readonly encoder = new nn.Embedding(5, 2);
      readonly decoder: { weight: Parameter };
      constructor() {
        super();
        this.decoder = { weight: this.encoder.weight };
      }
      forward(x: Tensor): Tensor {
        return this.encoder.call(x);
      }
    }
    const model = new Tied();
    expect(names(model)).toEqual(["encoder.weight"]);
    expect(model.namedCells({ tied: true }).map(([name]) => name)).toEqual(["encoder.weight", "decoder.weight"]);
    expect(model.encoder.weight.name).toBe("encoder.weight");
  });

  test("a layer used twice is one layer; a reference to the parent is no endless walk", () => {
    class Child extends nn.Identity {
      parent: AnyModule | undefined;
    }
    const relu = new nn.ReLU();
    const child = new Child();
    const model = new nn.Sequential(relu, child, relu);
    child.parent = model;
    expect(model.modules()).toEqual([model, relu, child]);
    expect(model.namedCells({ tied: true })).toEqual([]);
  });

  test("layers in a Map or Set are an error, not lost", () => {
    class Lost extends nn.Identity {
      readonly table = new Map([["a", new nn.Linear(1, 1)]]);
    }
    expect(() => new Lost().parameters()).toThrow(
      "[module] field table is a Map of layers, whose parameters would be missed. Use an array or a record?",
    );
    class Plain extends nn.Identity {
      readonly table = new Map([["a", 1]]);
    }
    expect(new Plain().parameters()).toEqual([]);
  });

  test("train, eval, freeze and unfreeze reach every layer", () => {
    const model = new Everything();
    expect(model.eval()).toBe(model);
    expect(model.modules().map((m) => m.training)).not.toContain(true);
    model.train();
    model.heads.right.eval();
    expect(model.modules().map((m) => m.training)).toEqual([true, true, true, true, false, false, false]);
    model.layers[0]!.freeze();
    expect(model.parameters().filter((p) => !p.trainable)).toHaveLength(2);
    model.freeze();
    expect(model.parameters().some((p) => p.trainable)).toBe(false);
    model.unfreeze();
    expect(model.parameters().every((p) => p.trainable)).toBe(true);
  });

  test("a model prints as its tree", () => {
    const model = new nn.Sequential(
      new nn.Conv2d(3, 8, { kernelSize: 3, stride: 2, bias: false }),
      new nn.Sequential(new nn.BatchNorm2d(8), new nn.ReLU()),
      new nn.Flatten(),
      new nn.Linear(200, 1000),
    );
    model.at(1).freeze();
    expect(String(model)).toBe(
      [
        "Sequential(",
        "  (0): Conv2d(3, 8, kernelSize=[3,3], stride=2, bias=false)",
        "  (1): Sequential(",
        "    (0): BatchNorm2d(8, epsilon=0.00001, momentum=0.1, affine=true, trackRunningStats=true)",
        "    (1): ReLU()",
        "  )",
        "  (2): Flatten(start=1, end=-1)",
        "  (3): Linear(inFeatures=200, outFeatures=1000, bias=true)",
        ")",
        "201,232 parameters, 16 of them frozen",
      ].join("\n"),
    );
    expect(inspect(new nn.Embedding(671, 50))).toBe("Embedding(671, 50)\n33,550 parameters");
    expect(String(new nn.LSTM(4, 3, { layers: 2, dropout: 0.1 }))).toContain("LSTM(4, 3, layers=2, dropout=0.1)");
  });
});

describe("hooks", () => {
  test("see each output and input until they are removed", () => {
    const layer = new nn.ReLU();
    const seen: unknown[] = [];
    {
      using _tap = nn.hook(layer, (y, x) => seen.push([y, x]));
      const x = zeros([2]);
      const y = layer.call(x);
      expect(seen).toEqual([[y, x]]);
      new nn.Sequential(layer).call(x);
      expect(seen).toHaveLength(2);
    }
    layer.call(zeros([2]));
    expect(seen).toHaveLength(2);
    const count = () => seen.push(1);
    const [first, second] = [nn.hook(layer, count), nn.hook(layer, count)];
    first.remove();
    first.remove();
    layer.call(zeros([2]));
    expect(seen).toHaveLength(3);
    second.remove();
  });
});

describe("layers", () => {
  test("batch norm refuses one value a channel in training, and counts and queues nothing then", () => {
    const norm = new nn.BatchNorm1d(3);
    expect(() => norm.call(zeros([1, 3]))).toThrow("[BatchNorm1d] [1, 3] has one value a channel");
    expect(queuedAssignments().size).toBe(0);
    expect(norm.eval().call(zeros([1, 3])).shape).toEqual([1, 3]);
    expect(() => norm.call(zeros([2, 4]))).toThrow(
      "[BatchNorm1d] the input has shape [2, 4], expected [N, C] or [N, C, L] with 3 channels on axis 1.",
    );
    expect(() => new nn.BatchNorm2d(3).call(zeros([2, 3]))).toThrow("expected [N, C, H, W] with 3 channels");
  });

  test("batch norm's statistics are queued with the step: discarding leaves them, two passes add up", () => {
    const norm = new nn.BatchNorm1d(1);
    const x = tensor([[1], [3]]);
    norm.call(x);
    discard();
    expect([...evaluate(norm.runningMean!.value).data]).toEqual([0]);
    norm.call(x);
    norm.call(x);
    expect(evaluate(norm.runningMean!.value).data[0]).toBeCloseTo(0.2 + 0.18, 6);
    expect(evaluate(norm.runningVar!.value).data[0]).toBeCloseTo(0.9 * (0.9 + 0.2) + 0.2, 6);
    expect(evaluate(norm.numBatchesTracked!.value).data[0]).toBe(2);
    discard();
  });

  test("dropout keeps the mean in training and is the identity in inference", () => {
    const ones = tensor(new Float32Array(4000).fill(1), { shape: [40, 10, 2, 5] });
    const { data } = evaluate(new nn.Dropout(0.25).call(ones));
    expect([...new Set(data)].map((v) => v.toFixed(4)).sort()).toEqual(["0.0000", "1.3333"]);
    const kept = [...data].filter((v) => v > 0).length / data.length;
    expect(kept).toBeGreaterThan(0.72);
    expect(kept).toBeLessThan(0.78);
    expect(new nn.Dropout(0.25).eval().call(ones)).toBe(ones);
    const channels = evaluate(new nn.Dropout2d().call(ones)).data;
    for (let i = 0; i < channels.length; i += 10) expect(new Set(channels.slice(i, i + 10)).size).toBe(1);
    expect(new Set(channels)).toEqual(new Set([0, 2]));
    expect(() => new nn.Dropout(1.5)).toThrow("[Dropout] p is 1.5, expected a probability from 0 to 1.");
  });

  test("an embedding refuses indices of numbers with a fraction, and a padding index outside", () => {
    expect(() => new nn.Embedding(3, 2).call(zeros([2]))).toThrow(
      '[Embedding] indices have dtype f32, expected i32. Convert them with .cast("i32")?',
    );
    expect(() => new nn.Embedding(3, 2, { paddingIndex: 3 })).toThrow(
      "[Embedding] paddingIndex 3 is none of the 3 indices.",
    );
    const padded = new nn.Embedding(3, 2, { paddingIndex: 1 });
    expect([...evaluate(padded.weight.value).data.slice(2, 4)]).toEqual([0, 0]);
  });

  test("an index outside the table or the classes fails the step, and no weight changes", async () => {
    const before = backend();
    use(new Interpreter());
    try {
      const model = new nn.Sequential(new nn.Embedding(3, 2), new nn.BatchNorm1d(2), new nn.Linear(2, 3));
      const step = async (word: number, label: number) => {
        const [words, labels] = [
          [0, word],
          [0, label],
        ].map((list) => tensor(list, { dtype: "i32" }));
        const loss = nn.crossEntropy(model.call(words!), labels!);
        const parameters = model.parameters();
        for (const [i, g] of gradients(loss, parameters).entries()) parameters[i]!.set(parameters[i]!.value.sub(g));
        await loss.item();
      };
      const held = async () =>
        Promise.all(model.namedCells().map(async ([, cell]) => [...(await cell.committed.data())]));
      const start = await held();
      await expect(step(3, 0)).rejects.toThrow("3");
      expect(await held()).toEqual(start);
      await expect(step(1, -1)).rejects.toThrow("-1");
      expect(await held()).toEqual(start);
      await step(1, 2);
      expect(await held()).not.toEqual(start);
    } finally {
      use(before);
    }
  });

  test("a residual layer adds its input; unequal shapes are an error", () => {
    const layer = new nn.Residual(new nn.Lambda((x: Tensor) => x.mul(2)));
    expect([...evaluate(layer.call(tensor([1, 2]))).data]).toEqual([3, 6]);
    const bad = new nn.Residual(new nn.Linear(2, 3));
    expect(() => bad.call(zeros([1, 2]))).toThrow("[Residual] the shortcut gives [1, 2], the body [1, 3].");
  });

  test("a sequence gives its layers by index", () => {
    const model = new nn.Sequential(new nn.ReLU(), new nn.Flatten());
    expect(model).toHaveLength(2);
    expect(model.at(-1)).toBe(model.layers[1]);
    expect([...model]).toEqual([...model.layers]);
    expect(() => model.at(2)).toThrow("[Sequential] has 2 layers, there is no layer 2.");
  });
});
