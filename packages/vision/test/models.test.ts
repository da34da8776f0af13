import { readdirSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { gradients, leaf, manualSeed, realize, type Tensor } from "@fai/tensor";
import { loadStateDict, stateDict } from "@fai/tensor/io";
import { crossEntropy, Dropout, Identity, type Module } from "@fai/tensor/nn";
import { describe, expect, test } from "vitest";
import {
  BasicBlock,
  createHead,
  ImageClassifier,
  ResNetBody,
  resnet,
  resnet18,
  resnet34,
  smallResnet,
  withHead,
} from "../src/models/index.js";

interface Spec {
  checksum: number;
  cells: number;
  parameters: number;
}
interface Case {
  name: string;
  options: { blocks: number[]; channels: number[]; classes: number; stem: object; hidden?: number };
  size: number;
  output: number[];
  loss: number;
  gradients: Record<string, [sum: number, norm: number]>;
  statistics: Record<string, [sum: number, norm: number]>;
}
const golden: { resnet18: Spec; resnet34: Spec; cases: Case[] } = JSON.parse(
  readFileSync(new URL("golden/resnet.json", import.meta.url), "utf8"),
);

/** The numbers that the golden script makes up: a hash of their place, in [-0.5, 0.5). */
function madeUp(count: number, ordinal: number): Float32Array {
  const mask = 0xffffffffn;
  return Float32Array.from({ length: count }, (_, i) => {
    let n = BigInt(i) * 2654435761n + BigInt(ordinal) * 40503n + 12345n;
    n = (n ^ (n >> 13n)) & mask;
    return Number(((n * 2246822519n) & mask) >> 16n) / 65536 - 0.5;
  });
}

async function fill(model: Module<Tensor, Tensor>): Promise<void> {
  const cells = [...(await stateDict(model))].map(([name, { shape, size, dtype }], ordinal) => {
    const values = madeUp(size, ordinal);
    const shift = name.endsWith("running_var") || (shape.length === 1 && name.endsWith("weight")) ? 1 : 0;
    const scale = shape.length > 1 ? Math.sqrt(12 / (size / shape[0]!)) : 1;
    const tracked = name.endsWith("num_batches_tracked");
    return [
      name,
      tracked
        ? leaf(new Int32Array(1), shape, dtype)
        : leaf(
            values.map((v) => v * scale + shift),
            shape,
            "f32",
          ),
    ] as const;
  });
  loadStateDict(model, new Map(cells));
}

/** Sum and norm, in double precision. */
function sums(data: Float32Array): [number, number] {
  const sum = data.reduce((a, b) => a + b, 0);
  return [sum, Math.sqrt(data.reduce((a, b) => a + b * b, 0))];
}

function expectSums(actual: Record<string, Float32Array>, expected: Case["gradients"]): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, data] of Object.entries(actual)) {
    const [[sum, norm], [expectedSum, expectedNorm]] = [sums(data), expected[name]!];
    // Sums cancel: their error is measured by the norm.
    expect(Math.abs(sum - expectedSum) / (1e-6 + expectedNorm), `sum of ${name}`).toBeLessThan(2e-3);
    expect(Math.abs(norm - expectedNorm) / (1e-6 + expectedNorm), `norm of ${name}`).toBeLessThan(2e-3);
  }
}

describe("as PyTorch", () => {
  test.each(golden.cases)(
    "$name: logits in inference; loss, gradients and statistics of a training step",
    async ({ options, size, ...expected }) => {
      const { blocks, classes, hidden, ...rest } = options;
      const model =
        hidden === undefined
          ? resnet(blocks, { classes, ...rest })
          : withHead(new ResNetBody(blocks, rest), classes, { hidden, dropout: [0, 0] });
      await fill(model);
      const x = leaf(
        madeUp(3 * 3 * size * size, 999).map((v) => v * 2),
        [3, 3, size, size],
        "f32",
      );
      const y = leaf(Int32Array.of(0, 2, 1), [3], "i32");
      const output = await model.eval().call(x).data();
      const scale = Math.max(...expected.output.map(Math.abs));
      for (const [i, value] of output.entries())
        expect(Math.abs(value - expected.output[i]!) / scale).toBeLessThan(1e-5);

      const loss = crossEntropy(model.train().call(x), y);
      const found = gradients(loss, model.parameters());
      for (const gradient of found) gradient.keep();
      await realize(loss, ...found);
      expect(await loss.item()).toBeCloseTo(expected.loss, 4);
      const data = await Promise.all(found.map((gradient) => gradient.data()));
      const names = [...(await stateDict(model)).keys()].filter((name) => !/running_|num_batches/.test(name));
      expectSums(Object.fromEntries(names.map((name, i) => [name, data[i]!])), expected.gradients);
      const statistics = [...(await stateDict(model))].filter(([name]) => name.includes("running_"));
      expectSums(
        Object.fromEntries(await Promise.all(statistics.map(async ([name, t]) => [name, await t.data()] as const))),
        expected.statistics,
      );
    },
  );

  test.each([
    ["resnet18", resnet18, golden.resnet18],
    ["resnet34", resnet34, golden.resnet34],
  ] as const)("%s has torchvision's names, shapes and number of parameters, in order", async (_, make, expected) => {
    const model = make();
    const cells = [...(await stateDict(model))].map(([name, { shape }]) => `${name}[${shape.join(",")}]`);
    expect({
      checksum: crc32(cells.join("\n")),
      cells: cells.length,
      parameters: model.parameters().reduce((n, p) => n + p.value.size, 0),
    }).toEqual(expected);
    expect(cells[0]).toBe("conv1.weight[64,3,7,7]");
    expect(cells).toContain("layer2.0.downsample.1.running_var[128]");
    expect(cells.at(-1)).toBe("fc.bias[1000]");
  });
});

describe("residual networks", () => {
  test("the seed makes the weights; batch norms may start as zero, so that every block is the identity", async () => {
    const first = async (zeroInit: boolean) => {
      manualSeed(3);
      return smallResnet({ classes: 4, width: 4, zeroInit });
    };
    const [zero, one] = [await first(true), await first(false)];
    const weights = async (model: Module<Tensor, Tensor>) =>
      (await stateDict(model)).get("layer1.0.bn2.weight")!.data();
    expect([...(await weights(zero))]).toEqual([0, 0, 0, 0]);
    expect([...(await weights(one))]).toEqual([1, 1, 1, 1]);
    const conv = async (model: Module<Tensor, Tensor>) => [
      ...(await (await stateDict(model)).get("conv1.weight")!.data()),
    ];
    expect(await conv(zero)).toEqual(await conv(one));
    const block = zero.modules().find((module) => module instanceof BasicBlock)!;
    const x = leaf(madeUp(2 * 4 * 5 * 5, 1).map(Math.abs), [2, 4, 5, 5], "f32");
    expect([...(await block.eval().call(x).data())]).toEqual([...(await x.data())]);
  });

  test("convolutions start with torchvision's spread: variance 2 / (fan out)", async () => {
    manualSeed(1);
    const { conv1 } = resnet18();
    const data = await conv1.weight.value.data();
    const variance = data.reduce((sum, v) => sum + v * v, 0) / data.length;
    expect(variance * 64 * 49).toBeCloseTo(2, 0);
  });

  test("layer groups: half of the body, its other half, the last layer or the head; every parameter is in one", () => {
    const channels = [4, 4, 4, 4];
    const networks: [network: ResNetBody | ImageClassifier, groups: number][] = [
      [resnet18({ channels }), 3],
      [smallResnet({ classes: 2, width: 4, blocks: [1] }), 2],
      [new ResNetBody([1, 1, 1], { channels: channels.slice(1) }), 2],
      [withHead(new ResNetBody([1, 1], { channels: [4, 4] }), 2), 3],
      [new ImageClassifier(new Identity(), createHead(3, 2)), 2],
    ];
    for (const [network, count] of networks) {
      const groups = network.layerGroups();
      expect(groups).toHaveLength(count);
      const inGroups = groups.flatMap((group) => group.flatMap((module) => module.parameters()));
      expect(new Set(inGroups).size).toBe(inGroups.length);
      expect(inGroups).toEqual(network.parameters());
    }
    const [first, second] = resnet18({ channels }).layerGroups();
    expect([first!.length, second!.length]).toEqual([5, 2]);
  });

  test("small pictures and any number of channels", () => {
    const gray = smallResnet({ classes: 10, inChannels: 1, width: 8, blocks: [1, 1] }).eval();
    expect(gray.call(leaf(new Float32Array(2 * 28 * 28), [2, 1, 28, 28], "f32")).shape).toEqual([2, 10]);
    expect(gray.features).toBe(16);
  });

  test("a stage without channels is refused", () => {
    expect(() => resnet([2, 2], {})).toThrow(
      "[resnet] blocks [2, 2] and channels [64, 128, 256, 512]: expected one whole number",
    );
    expect(() => resnet([0], { channels: [4] })).toThrow("[resnet] blocks [0] and channels [4]");
  });
});

test("@fai/vision/models imports the core, and of training code only what reads predictors, so that a page which predicts loads no more", () => {
  const folder = new URL("../src/models/", import.meta.url);
  const imports = readdirSync(folder).flatMap((name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    return [...text.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, specifier]) => specifier!);
  });
  expect(imports.length).toBeGreaterThan(10);
  expect(
    imports.filter((specifier) => !/^(\.\/|@fai\/tensor(\/(nn|io))?$|@fai\/train\/predictor$)/.test(specifier)),
  ).toEqual([]);
});

describe("fastai's head", () => {
  test("max before average, dropout of a quarter and a half, biases at zero, weights with variance 2 / (fan in)", async () => {
    manualSeed(2);
    const head = createHead(64, 5);
    const names = head.children().map((layer) => layer.constructor.name);
    expect(names).toEqual([
      "AdaptiveConcatPool2d",
      "Flatten",
      "BatchNorm1d",
      "Dropout",
      "Linear",
      "ReLU",
      "BatchNorm1d",
      "Dropout",
      "Linear",
    ]);
    expect(
      head
        .modules()
        .filter((m) => m instanceof Dropout)
        .map(({ p }) => p),
    ).toEqual([0.25, 0.5]);
    const cells = await stateDict(head);
    const weight = await cells.get("4.weight")!.data();
    expect((weight.reduce((sum, v) => sum + v * v, 0) / weight.length) * 128).toBeCloseTo(2, 1);
    expect(Math.max(...(await cells.get("8.bias")!.data()))).toBe(0);
    expect(() => createHead(64, 0)).toThrow("[createHead] classes is 0, expected a whole number of at least 1.");
    expect(withHead(new ResNetBody([1], { channels: [8] }), 5)).toBeInstanceOf(ImageClassifier);
  });
});
