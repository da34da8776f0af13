import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manualSeed, type Tensor } from "@fai/tensor";
import type { BatchSource } from "@fai/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeImage,
  type FromFolderOptions,
  ImageData,
  ImageDataError,
  imagenetStats,
  normalize,
} from "../src/index.js";
import { noise, plainPictures, quarters, raw, temporaryFolder } from "./pictureFiles.js";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const colors = {
  "train/a/0.png": [10, 20, 30],
  "train/a/1.png": [40, 50, 60],
  "train/b/0.png": [70, 80, 90],
  "train/b/1.png": [100, 110, 120],
  "train/b/2.png": [200, 210, 220],
  "valid/a/0.png": [1, 2, 3],
  "valid/b/0.png": [4, 5, 6],
};
const size = 8;
beforeAll(() => plainPictures(folder.path, colors, size));

const load = (options: FromFolderOptions = {}) =>
  ImageData.fromFolder(folder.path, { size, batchSize: 2, seed: 1, ...options });

/** Every batch of one epoch: pixels [N, 3, H, W] and classes. */
async function epoch(loader: BatchSource<Tensor, Tensor>) {
  const batches: { x: Float32Array; shape: readonly number[]; y: number[] }[] = [];
  for await (const { x, y, size } of loader) {
    expect([x.shape[0], y.shape[0]]).toEqual([size, size]);
    batches.push({ x: await x.data(), shape: x.shape, y: [...(await y.data<"i32">())] });
  }
  return batches;
}

const { mean, std } = imagenetStats;
const normalized = (color: readonly number[]) => color.map((c, i) => (c / 255 - mean[i]!) / std[i]!);

describe("ImageData.fromFolder", () => {
  test("batches hold the pictures, normalized, channels first, in the order of the folder", async () => {
    const data = await load();
    expect([data.classes, data.counts, data.train.length, data.valid.length]).toEqual([
      ["a", "b"],
      { train: [2, 3], valid: [1, 1] },
      2,
      1,
    ]);
    const [{ x, shape, y }] = (await epoch(data.valid)) as [Awaited<ReturnType<typeof epoch>>[0]];
    expect([shape, y]).toEqual([
      [2, 3, size, size],
      [0, 1],
    ]);
    const expected = [...normalized([1, 2, 3]), ...normalized([4, 5, 6])];
    for (const [i, value] of x.entries()) expect(value).toBeCloseTo(expected[Math.floor(i / size ** 2)]!, 5);
    expect(String(data)).toBe("7 pictures of 2 classes (a, b), 8 x 8: 5 to train on, 2 to measure on.");
  });

  test("files that are no pictures are counted", async () => {
    using more = temporaryFolder();
    cpSync(folder.path, more.path, { recursive: true });
    more.make("train/a/notes.txt", "valid/b/x.txt", "train/b/old.bmp");
    expect((await ImageData.fromFolder(more.path, { size })).notices).toEqual([
      "Files that are no pictures by their extension: 1 .bmp, 2 .txt.",
    ]);
  });

  test("training visits every picture once an epoch, shuffled; the last batch of one is left out, since batch norm refuses it", async () => {
    const data = await load();
    const visited = (await epoch(data.train)).flatMap(({ y }) => y);
    expect(visited).toHaveLength(4);
    const all = await load({ dropLast: false });
    expect((await epoch(all.train)).flatMap(({ y }) => y).sort()).toEqual([0, 0, 1, 1, 1]);
  });

  test("the same seed gives the same batches bit for bit, cached or not; another seed others; each epoch its own", async () => {
    await raw(quarters(size, size), size, size).png().toFile(join(folder.path, "train/a/q.png"));
    const augment = { flip: true, flipVertical: true, shift: 0.3, padding: "replicate" } as const;
    const run = async (options: FromFolderOptions) => {
      const { train } = await load({ augment, ...options });
      return [await epoch(train), await epoch(train), await epoch(train)];
    };
    const first = await run({});
    expect(await run({})).toEqual(first);
    expect(await run({ cache: false })).toEqual(first);
    expect(await run({ cacheBudgetBytes: 500 })).toEqual(first);
    expect(await run({ prefetch: 0 })).toEqual(first);
    expect(await run({ seed: 2 })).not.toEqual(first);
    expect(first[1]).not.toEqual(first[0]);
    manualSeed(4);
    const drawn = await run({ seed: undefined });
    manualSeed(4);
    expect(await run({ seed: undefined })).toEqual(drawn);
    rmSync(join(folder.path, "train/a/q.png"));
  });

  test("after the first epoch nothing is read from files again; without a cache it is", async () => {
    using copy = temporaryFolder();
    cpSync(folder.path, copy.path, { recursive: true });
    const kept = await ImageData.fromFolder(copy.path, { size, batchSize: 2, seed: 1, dropLast: false });
    const [before, none] = [await epoch(kept.valid), await ImageData.fromFolder(copy.path, { size, cache: false })];
    rmSync(join(copy.path, "valid/a/0.png"));
    expect(await epoch(kept.valid)).toEqual(before);
    await expect(epoch(none.valid)).rejects.toThrow(`${join(copy.path, "valid/a/0.png")} is not there.`);
  });

  test("random crops are cut from the file and interpolated once", async () => {
    using wide = temporaryFolder();
    await plainPictures(wide.path, {
      "train/b/0.png": [0, 0, 0],
      "valid/a/0.png": [0, 0, 0],
      "valid/b/0.png": [0, 0, 0],
      "train/a/x.png": [0, 0, 0],
    });
    const file = join(wide.path, "train/a/x.png");
    await raw(noise(64, 48), 64, 48).png().toFile(file);
    const data = await ImageData.fromFolder(wide.path, { size, seed: 3, augment: { crop: { area: [0.2, 0.5] } } });
    const { region } = data.trainSet.options.augment!(0, 6);
    expect([...(await data.trainSet.picture(0, 6))]).toEqual([
      ...(await decodeImage(file, { size, ...(region && { region }) })),
    ]);
    expect([...(await data.trainSet.picture(0, 7))]).not.toEqual([...(await data.trainSet.picture(0, 6))]);
  });

  test("statistics of one's own; what does not go together is refused", async () => {
    const data = await load({ stats: { mean: [0, 0, 0], std: [1, 1, 1] } });
    expect((await epoch(data.valid))[0]!.x[0]).toBeCloseTo(1 / 255, 6);
    await expect(epoch((await load({ stats: { mean: [0], std: [1] } })).valid)).rejects.toThrow(
      "mean [0] and std [1] are no statistics of 3 channels.",
    );
    await expect(load({ size: 0 })).rejects.toThrow("size is 0, expected a whole number of pixels.");
    const { x } = (await data.validSet.batch(Int32Array.of(0), 0)) as { x: Tensor };
    expect(() => normalize(x)).toThrow("got f32 [1, 3, 8, 8], expected pictures u8 [N, H, W, C].");
  });

  test("a test folder comes without classes, and in order", async () => {
    using more = temporaryFolder();
    cpSync(folder.path, more.path, { recursive: true });
    await plainPictures(more.path, { "test/2.png": [255, 255, 255], "test/1.png": [0, 0, 0] });
    const data = await ImageData.fromFolder(more.path, { size });
    const [batch] = await epoch(data.test!);
    expect(batch!.y).toEqual([-1, -1]);
    expect(batch!.x[0]).toBeCloseTo(normalized([0, 0, 0])[0]!, 5);
  });
});

describe("bad pictures", () => {
  const damaged = temporaryFolder();
  afterAll(() => damaged[Symbol.dispose]());
  const at = (name: string) => join(damaged.path, name);
  beforeAll(async () => {
    cpSync(folder.path, damaged.path, { recursive: true });
    writeFileSync(at("train/a/empty.jpg"), "");
    writeFileSync(at("valid/b/text.png"), "no picture");
    writeFileSync(at("train/b/cut.jpg"), (await raw(noise(60, 60), 60, 60).jpeg().toBuffer()).subarray(0, 900));
  });
  const from = (options: FromFolderOptions = {}) =>
    ImageData.fromFolder(damaged.path, { size, batchSize: 2, seed: 1, dropLast: false, ...options });

  test("all are named before training begins, with what to do", async () => {
    await expect(from()).rejects.toThrow(ImageDataError);
    await expect(from()).rejects.toThrow(
      `[ImageData] 3 of 10 pictures cannot be used:\n  ${at("train/a/empty.jpg")} is empty (0 bytes). Get it anew, or delete it.\n  ${at("train/b/cut.jpg")} is damaged or cut off. Get it anew, or delete it.\n  ${at("valid/b/text.png")} holds no picture`,
    );
    await expect(from()).rejects.toThrow('Mend or delete them, or pass onBad: "skip" to train without them.');
  });

  test('onBad: "skip" trains without them and lists them', async () => {
    const data = await from({ onBad: "skip" });
    expect(data.skipped.map(({ path }) => path)).toEqual([
      at("train/a/empty.jpg"),
      at("train/b/cut.jpg"),
      at("valid/b/text.png"),
    ]);
    expect(data.counts).toEqual({ train: [2, 3], valid: [1, 1] });
    expect(String(data)).toContain(`3 pictures left out, unreadable: ${at("train/a/empty.jpg")}, `);
    expect(await epoch(data.train)).toEqual(await epoch((await load({ dropLast: false })).train));
  });

  test("those that turn up in training are named, or left out of their batches and counted once", async () => {
    const strict = await from({ verify: false });
    await expect(epoch(strict.valid)).rejects.toThrow(`${at("valid/b/text.png")} holds no picture that can be read`);
    await expect(epoch(strict.valid)).rejects.toThrow('Or pass onBad: "skip" to leave such pictures out.');
    const data = await from({ verify: false, onBad: "skip" });
    for (let i = 0; i < 2; i++) {
      expect((await epoch(data.train)).reduce((n, { y }) => n + y.length, 0)).toBe(5);
      expect((await epoch(data.valid)).flatMap(({ y }) => y)).toEqual([0, 1]);
    }
    expect(data.skipped.map(({ path }) => path).sort()).toEqual([
      at("train/a/empty.jpg"),
      at("train/b/cut.jpg"),
      at("valid/b/text.png"),
    ]);
    expect([...data.validSet.readable]).toEqual([0, 1]);
    // A batch of bad pictures alone is passed over; a set of them is an error.
    const single = await from({ verify: false, onBad: "skip", validBatchSize: 1 });
    expect((await epoch(single.valid)).map(({ y }) => y)).toEqual([[0], [1]]);
    const gone = await from({ verify: false, onBad: "skip", cache: false });
    for (const { path } of gone.validSet.images) rmSync(path);
    await expect(epoch(gone.valid)).rejects.toThrow("none of the 3 pictures can be read");
  });

  test("a class that loses every picture is named", async () => {
    using gone = temporaryFolder();
    cpSync(folder.path, gone.path, { recursive: true });
    writeFileSync(join(gone.path, "train/a/0.png"), "");
    writeFileSync(join(gone.path, "train/a/1.png"), "");
    await expect(ImageData.fromFolder(gone.path, { onBad: "skip" })).rejects.toThrow(
      `without the 2 unreadable pictures ${gone.path} has no picture of a to train on.`,
    );
  });
});

describe("ImageData.fromLists", () => {
  const list = (set: string) =>
    Object.keys(colors)
      .filter((name) => name.startsWith(set))
      .map((name) => ({ path: join(folder.path, name), label: name.split("/")[1]! }));

  test("gives what the folder gives, or holds a share out", async () => {
    const data = await ImageData.fromLists(
      { train: list("train"), valid: list("valid") },
      { size, batchSize: 2, seed: 1 },
    );
    expect(await epoch(data.train)).toEqual(await epoch((await load()).train));
    expect((await ImageData.fromLists({ train: list("") }, { size, validShare: 0.3 })).counts).toEqual({
      train: [2, 3],
      valid: [1, 1],
    });
  });

  test("refuses what would not train", async () => {
    await expect(ImageData.fromLists({ train: [] })).rejects.toThrow("the list has no pictures to train on.");
    await expect(ImageData.fromLists({ train: list("train/a") })).rejects.toThrow("the list has one class only, a.");
    await expect(ImageData.fromLists({ train: list("train"), valid: [] })).rejects.toThrow(
      "the list of validation pictures is empty.",
    );
    await expect(ImageData.fromLists({ train: list("train"), valid: [{ path: "x.png", label: "c" }] })).rejects.toThrow(
      "the list has the class c in the validation set only",
    );
  });
});
