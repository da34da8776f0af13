import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leaf, manualSeed, type Tensor } from "@fai/tensor";
import { Linear, Module, Sequential } from "@fai/tensor/nn";
import { adam, encodePredictor } from "@fai/train";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ImageData,
  ImagePredictor,
  predictFiles,
  resnet18,
  showBatch,
  smallResnet,
  visionLearner,
} from "../src/index.js";
import { paint, raw, temporaryFolder } from "./pictureFiles.js";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const size = 12;
const at = (name: string) => join(folder.path, name);

/** Stripes that lie or stand, in any colors: told apart by their direction alone. */
beforeAll(async () => {
  const draw = async (name: string, seed: number, lying: boolean) => {
    const [a, b] = [(seed * 67) % 256, (seed * 151 + 90) % 256];
    const pixels = paint(size, size, (x, y) => {
      const on = Math.floor(((lying ? y : x) + seed) / 2) % 2 === 0;
      return on ? [a, b, 255 - a] : [255 - b, 40, b];
    });
    folder.make(name);
    await raw(pixels, size, size).png().toFile(at(name));
  };
  for (let i = 0; i < 48; i++) {
    await draw(`lying/${String(i).padStart(2, "0")}.png`, i, true);
    await draw(`standing/${String(i).padStart(2, "0")}.png`, i + 7, false);
  }
});
beforeEach(() => manualSeed(2));

const load = () =>
  ImageData.fromFolder(folder.path, {
    size,
    batchSize: 16,
    seed: 3,
    validShare: 0.25,
    augment: { flip: true, shift: 0.1 },
  });
const small = ({ classes }: { classes: number }) => smallResnet({ classes, width: 8, blocks: [1, 1] });

describe("visionLearner", () => {
  test("trains, repeats bit for bit, explains itself, and its predictor outlives it", async () => {
    const run = async () => {
      manualSeed(5);
      const learner = visionLearner(await load(), small, { optimizer: adam() });
      const rows = await learner.fitOneCycle(0.01, { epochs: 5 });
      return { learner, rows: rows.map(({ seconds, ...row }) => row) };
    };
    const { learner, rows } = await run();
    expect(rows.at(-1)!.metrics.accuracy).toBeGreaterThan(0.9);
    expect((await run()).rows).toEqual(rows);

    const { data } = learner;
    const found = await learner.interpret();
    expect(found.verdicts).toHaveLength(24);
    expect(found.accuracy).toBeCloseTo(rows.at(-1)!.metrics.accuracy!, 6);
    expect(found.verdicts.map(({ truth }) => truth)).toEqual(
      data.validSet.images.map(({ label }) => data.classes[label]),
    );
    const worst = await learner.showMostWrong();
    expect(worst).toHaveLength(found.mostWrong().length);
    for (const { image, tone } of worst) expect([image.data.length, tone]).toEqual([size * size * 3, "bad"]);

    const paths = data.validSet.images.map(({ path }) => path);
    const predictions = await learner.predictFiles(paths);
    expect(predictions.map(({ label, probability }) => [label, probability])).toEqual(
      found.verdicts.map(({ prediction, probability }) => [prediction, probability]),
    );
    await learner.savePredictor(at("stripes.safetensors"));
    const predictor = await ImagePredictor.load(at("stripes.safetensors"), small);
    expect(predictor.format).toEqual({ classes: ["lying", "standing"], size, mode: "crop", stats: data.stats });
    expect(await predictFiles(predictor, paths)).toEqual(predictions);
    expect(predictions[0]!.probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);

    const decoded = await ImagePredictor.load(await learner.predictor().encode(), small);
    const picture = leaf(await data.validSet.picture(0), [1, size, size, 3], "u8");
    expect((await decoded.predict(picture))[0]!.label).toBe(predictions[0]!.label);
  });

  test("writes nothing beside the pictures", async () => {
    const files = () => readdirSync(folder.path, { recursive: true }).sort();
    const before = files();
    using elsewhere = temporaryFolder();
    const learner = visionLearner(await load(), small, { modelsDir: elsewhere.path });
    await learner.fit(0.01, { cycles: 1, cycleLength: 1, cycleSave: "cycle", bestSave: "best" });
    await learner.lrFind({ steps: 5 });
    expect(files()).toEqual(before);
    expect(readdirSync(elsewhere.path).sort()).toEqual(["best.safetensors", "cycle_cyc_0.safetensors"]);
  });

  test("a model of another number of classes, or for larger pictures, is refused before training", async () => {
    const data = await load();
    expect(() => visionLearner(data, resnet18({ channels: [2, 2, 2, 2] }))).toThrow(
      "[visionLearner] the model gives [N, 1000], and the data has 2 classes. Make it with { classes: data.classes.length }, or pass the architecture itself.",
    );
    const model = new Sequential(new Linear(99, 2));
    expect(() => visionLearner(data, model)).toThrow("expected [..., 99]");
    expect(model.training).toBe(true);
  });

  test("goes on with larger pictures, and not with those of other classes", async () => {
    const learner = visionLearner(await load(), small);
    const larger = await ImageData.fromFolder(folder.path, { size: 2 * size, validShare: 0.5 });
    learner.setData(larger);
    expect(learner.data).toBe(larger);
    expect((await learner.predictFiles([larger.validSet.images[0]!.path]))[0]!.probabilities).toHaveLength(2);
    const lists = ["a", "b", "c"].flatMap((label) =>
      [0, 1].map((i) => ({ path: larger.validSet.images[i]!.path, label })),
    );
    const others = await ImageData.fromLists({ train: lists }, { size });
    expect(() => learner.setData(others)).toThrow("the model gives [N, 2], and the data has 3 classes.");
  });

  test("predictors of something else are refused", async () => {
    await expect(ImagePredictor.load(at("nope.safetensors"), small)).rejects.toThrow(
      `[loadPredictor] ${at("nope.safetensors")} cannot be read`,
    );
    const learner = visionLearner(await load(), small);
    await learner.save(at("weights.safetensors"));
    await expect(ImagePredictor.load(at("weights.safetensors"), small)).rejects.toThrow(
      "[loadPredictor] the file holds weights, but no predictor. Was it written by learner.save()?",
    );
    const other = { kind: "tabular", model: new Linear(1, 1), architecture: {}, preparation: {} };
    await expect(ImagePredictor.load(await encodePredictor(other), small)).rejects.toThrow(
      "[loadPredictor] the file is a predictor of kind tabular, expected vision.",
    );
    writeFileSync(at("broken.safetensors"), "no weights");
    await expect(ImagePredictor.load(at("broken.safetensors"), small)).rejects.toThrow("[safetensors]");
    await learner.savePredictor(at("small.safetensors"));
    await expect(ImagePredictor.load(at("small.safetensors"), resnet18)).rejects.toThrow(
      "[loadStateDict] the tensors do not fit the module.",
    );
    await expect(learner.predictFiles([at("stripes.txt")])).rejects.toThrow(`${at("stripes.txt")} is not there.`);
  });
});

describe("showBatch", () => {
  test("pictures with the names of their classes, as training sees them; training is not disturbed", async () => {
    const data = await load();
    const shown = await showBatch(data, { count: 6 });
    expect(shown).toHaveLength(6);
    for (const { image, title } of shown) {
      expect([image.width, image.height, image.data.length]).toEqual([size, size, size * size * 3]);
      expect(data.classes).toContain(title);
    }
    expect(await showBatch(data, { count: 6 })).toEqual(shown);
    expect(await showBatch(data, { count: 6, epoch: 1 })).not.toEqual(shown);
    expect(await showBatch(data, { count: 6, seed: 1 })).not.toEqual(shown);
    expect(await showBatch(data, { set: "valid", count: 100 })).toHaveLength(24);
    expect(data.train.epoch).toBe(0);
  });
});

test("what does not fit does not compile", async () => {
  class Tabular extends Module<{ cats: Tensor; conts: Tensor }, Tensor> {
    forward({ conts }: { cats: Tensor; conts: Tensor }): Tensor {
      return conts;
    }
  }
  const programs = () => [
    // @ts-expect-error a record model given pictures
    visionLearner(data, new Tabular()),
    // @ts-expect-error an option typo
    visionLearner(data, small, { metric: {} }),
    // @ts-expect-error an event name typo
    visionLearner(data, small, { callbacks: [{ afterBach: () => {} }] }),
    // @ts-expect-error an option typo
    ImageData.fromFolder("pictures", { batchsize: 3 }),
    // @ts-expect-error a mode that there is not
    ImageData.fromFolder("pictures", { mode: "stretch" }),
  ];
  const data = await load();
  expect(programs).toBeTypeOf("function");
});
