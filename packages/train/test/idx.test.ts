import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readIdxFolder } from "../../../examples/data/idx.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fai-idx-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The bytes of an IDX file: its magic number, sizes, and 0, 1, 2, ... */
function idx(shape: number[], magic = 0x800 + shape.length): Uint8Array {
  const start = 4 + 4 * shape.length;
  const bytes = new Uint8Array(start + shape.reduce((n, d) => n * d, 1)).map((_, i) => i - start);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  return bytes;
}

const good: Record<string, Uint8Array> = {
  "train-images-idx3-ubyte": idx([3, 2, 2]),
  "train-labels-idx1-ubyte": idx([3]),
  "t10k-images-idx3-ubyte": idx([2, 2, 2]),
  "t10k-labels-idx1-ubyte": idx([2]),
};

function write(files: Record<string, Uint8Array | undefined>): void {
  for (const [name, bytes] of Object.entries({ ...good, ...files }))
    if (bytes) writeFileSync(join(folder, name), bytes);
}

test("reads plain files and packed ones", () => {
  write({
    "train-images-idx3-ubyte": undefined,
    "train-images-idx3-ubyte.gz": gzipSync(good["train-images-idx3-ubyte"]!),
  });
  const { train, test } = readIdxFolder(folder);
  expect(train.images.shape).toEqual([3, 2, 2]);
  expect([...train.images.data]).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect([...train.labels.data, ...test.labels.data]).toEqual([0, 1, 2, 0, 1]);
});

describe("errors name the file and what to do", () => {
  const advice =
    "The four files of Fashion-MNIST are in Debian's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist, then " +
    "--data /usr/share/datasets/fashion-mnist) and in the repository fashion-mnist of Zalando Research, its publisher.";
  const again = `Fetch it again. ${advice}`;
  const images = "train-images-idx3-ubyte";
  const packed = gzipSync(idx([3, 2, 2]));

  test.each<[string, Record<string, Uint8Array | undefined>, (path: (name: string) => string) => string]>([
    ["a missing file", { [images]: undefined }, () => `${folder} has no ${images} and no ${images}.gz. ${advice}`],
    [
      "labels where images belong",
      { [images]: idx([12]) },
      (path) =>
        `${path(images)} has the magic number 0x00000801, expected 0x00000803 (bytes, 3 axes): it is no IDX file of that kind. ${again}`,
    ],
    [
      "a web page",
      { [images]: new TextEncoder().encode("<html>") },
      (path) =>
        `${path(images)} has the magic number 0x3c68746d, expected 0x00000803 (bytes, 3 axes): it is no IDX file of that kind. ${again}`,
    ],
    [
      "an empty file",
      { [images]: new Uint8Array(0) },
      (path) =>
        `${path(images)} has 0 bytes and no magic number, expected 0x00000803 (bytes, 3 axes): it is no IDX file of that kind. ${again}`,
    ],
    [
      "half a header",
      { [images]: idx([3, 2, 2]).subarray(0, 9) },
      (path) => `${path(images)} is cut off in its header: 9 of 16 bytes. ${again}`,
    ],
    [
      "half a file",
      { [images]: idx([3, 2, 2]).subarray(0, 20) },
      (path) => `${path(images)} is cut off: [3, 2, 2] takes 28 bytes, it has 20. ${again}`,
    ],
    [
      "too long a file",
      { [images]: new Uint8Array([...idx([3, 2, 2]), 7]) },
      (path) => `${path(images)} is too long: [3, 2, 2] takes 28 bytes, it has 29. ${again}`,
    ],
    [
      "a lying header",
      { [images]: idx([2 ** 32 - 1, 1, 0]).subarray(0, 16) },
      () =>
        `${folder}: train-images-idx3-ubyte has 4294967295 images, train-labels-idx1-ubyte 3 labels. They belong to different data sets.`,
    ],
    [
      "half a packed file",
      { [images]: undefined, [`${images}.gz`]: packed.subarray(0, packed.length - 9) },
      (path) => `${path(`${images}.gz`)} does not unpack: it is damaged or cut off. ${again}`,
    ],
    [
      "fewer labels than images",
      { "train-labels-idx1-ubyte": idx([2]) },
      () =>
        `${folder}: train-images-idx3-ubyte has 3 images, train-labels-idx1-ubyte 2 labels. They belong to different data sets.`,
    ],
  ])("%s", (_, files, message) => {
    write(files);
    const expected = message((name) => join(folder, name));
    expect(() => readIdxFolder(folder)).toThrow(new RegExp(`^${expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
  });

  test("no folder, and a file for a folder", () => {
    const missing = join(folder, "missing");
    expect(() => readIdxFolder(missing)).toThrow(`There is no folder ${missing}. ${advice}`);
    write({});
    const file = join(folder, images);
    expect(() => readIdxFolder(file)).toThrow(
      `${file} is a file, expected the folder that holds the images. ${advice}`,
    );
  });
});
