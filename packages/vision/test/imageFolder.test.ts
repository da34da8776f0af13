import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { ImageDataError, type ImageFolderOptions, scanImageFolder } from "../src/index.js";
import { temporaryFolder } from "./pictureFiles.js";

const layout = ["train/cat/b.jpg", "train/cat/a.PNG", "train/dog/a.jpeg", "valid/cat/c.jpg", "valid/dog/d.webp"];

/** Names from the folder on. */
function names(root: string, images: readonly { path: string; label: number }[]): string[] {
  return images.map(({ path, label }) => `${relative(root, path)} ${label}`);
}

describe("scanImageFolder", () => {
  test("train/ and valid/: sorted classes, sorted pictures, hidden things and litter passed over", () => {
    using folder = temporaryFolder();
    folder.make(
      ...layout,
      ".DS_Store",
      "train/.DS_Store",
      "train/cat/.DS_Store",
      "train/cat/._b.jpg",
      "valid/Thumbs.db",
      ".ipynb_checkpoints/x.jpg",
      "train/.ipynb_checkpoints/a.jpg",
      "train/cat/.ipynb_checkpoints/b.jpg",
      "__MACOSX/a.jpg",
      "train/cat/notes.txt",
      "train/cat/old.bmp",
      "train/readme",
      "test/y.jpg",
      "test/x.png",
    );
    const { classes, train, valid, test: unlabelled, others, notices } = scanImageFolder(folder.path);
    expect(classes).toEqual(["cat", "dog"]);
    expect(names(folder.path, train)).toEqual(["train/cat/a.PNG 0", "train/cat/b.jpg 0", "train/dog/a.jpeg 1"]);
    expect(names(folder.path, valid)).toEqual(["valid/cat/c.jpg 0", "valid/dog/d.webp 1"]);
    expect(unlabelled.map((path) => relative(folder.path, path))).toEqual(["test/x.png", "test/y.jpg"]);
    expect([...others]).toEqual([
      ["", 1],
      [".bmp", 1],
      [".txt", 1],
    ]);
    expect(notices).toEqual([]);
  });

  test("one folder of class folders: a share of each class is held out, by the seed alone", () => {
    using folder = temporaryFolder();
    const pictures = Array.from({ length: 20 }, (_, i) => `cat/${i}.jpg`).concat(
      Array.from({ length: 5 }, (_, i) => `dog/${i}.jpg`),
    );
    folder.make(...pictures, "emu/only.jpg");
    const scan = (options: ImageFolderOptions = {}) => {
      const { train, valid } = scanImageFolder(folder.path, options);
      return { train: names(folder.path, train), valid: names(folder.path, valid) };
    };
    const { train, valid } = scan();
    const count = (list: string[], label: number) => list.filter((name) => name.endsWith(` ${label}`)).length;
    expect([count(valid, 0), count(valid, 1), count(valid, 2)]).toEqual([4, 1, 0]);
    expect([...train, ...valid].sort()).toEqual(
      [...pictures.map((p) => `${p} ${p.startsWith("cat") ? 0 : 1}`), "emu/only.jpg 2"].sort(),
    );
    expect(scan()).toEqual({ train, valid });
    expect(scan({ seed: 1 }).valid).not.toEqual(valid);
    expect(scan({ validShare: 0.5 }).valid).toHaveLength(10 + 3);
    expect(scanImageFolder(folder.path).notices).toEqual(["No validation picture shows emu."]);
  });

  test("train/ alone with validShare; other names for the folders", () => {
    using folder = temporaryFolder();
    folder.make(
      "train/cat/a.jpg",
      "train/cat/b.jpg",
      "train/dog/c.jpg",
      "train/dog/d.jpg",
      "val/cat/e.jpg",
      "val/dog/f.jpg",
    );
    expect(scanImageFolder(folder.path, { validShare: 0.5 }).valid).toHaveLength(2);
    expect(names(folder.path, scanImageFolder(folder.path, { valid: "val" }).valid)).toEqual([
      "val/cat/e.jpg 0",
      "val/dog/f.jpg 1",
    ]);
  });

  test("what is odd and no error is told: pictures beside the sets, folders in a class, a class without validation pictures", () => {
    using folder = temporaryFolder();
    folder.make(...layout, "curve.png", "train/cat/more/x.jpg", "train/emu/a.jpg");
    expect(scanImageFolder(folder.path).notices).toEqual([
      `1 picture directly in ${folder.path} (curve.png): not read.`,
      `${join(folder.path, "train/cat")} holds folders (more); the pictures in them are not read.`,
      "No validation picture shows emu.",
    ]);
  });

  test("links count as what they lead to; accents written in two ways are one class", () => {
    using folder = temporaryFolder();
    folder.make(
      "train/cafe\u0301/a.jpg",
      "train/dog/a.jpg",
      "elsewhere/z.jpg",
      "valid/caf\u00e9/b.jpg",
      "valid/dog/c.jpg",
    );
    symlinkSync(join(folder.path, "elsewhere"), join(folder.path, "train/fox"));
    const { classes, train, valid } = scanImageFolder(folder.path);
    expect(classes).toEqual(["caf\u00e9", "dog", "fox"]);
    expect([train.length, valid.length]).toEqual([3, 2]);
  });

  const bad: [name: string, files: string[], options: ImageFolderOptions, says: string][] = [
    [
      "nothing in it",
      ["./"],
      {},
      "ROOT is empty. Put the pictures of each class into a folder of their own in it, named for the class.",
    ],
    ["only hidden things", [".DS_Store", ".ipynb_checkpoints/a.jpg"], {}, "ROOT is empty."],
    [
      "no pictures, other files",
      ["a.txt", "b.csv", "c.csv"],
      {},
      "ROOT holds no class folders, only 1 .txt, 2 .csv. Put the pictures",
    ],
    [
      "no valid/",
      ["train/cat/a.jpg", "train/dog/b.jpg"],
      {},
      "ROOT holds train/ but no valid/, and something has to be measured on. Pass validShare: 0.2 to hold that share of train/ out, or make valid/",
    ],
    [
      "valid/ under another name",
      ["train/cat/a.jpg", "validation/cat/b.jpg"],
      {},
      'If validation/ is meant, pass valid: "validation". Pass validShare',
    ],
    [
      "no train/",
      ["valid/cat/a.jpg"],
      {},
      "ROOT holds valid/ but no train/. Put the training pictures into train/CLASS/.",
    ],
    [
      "a class only in valid/",
      [...layout, "valid/emu/a.jpg"],
      {},
      "has the class emu in the validation set only; the training set has cat, dog. Add training pictures of it, or leave it out.",
    ],
    [
      "pictures in the root",
      ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
      {},
      "4 pictures (a.jpg, b.jpg, c.jpg and 1 more) lie directly in ROOT. The folder of a picture says its class: move each into a folder named for its class.",
    ],
    [
      "a picture beside class folders",
      ["a.jpg", "cat/b.jpg", "dog/c.jpg"],
      {},
      "1 picture (a.jpg) lies directly in ROOT, beside the class folders cat, dog.",
    ],
    ["a picture directly in train/", [...layout, "train/x.jpg"], {}, "1 picture (x.jpg) lies directly in ROOT/train"],
    [
      "one class",
      ["train/cat/a.jpg", "valid/cat/b.jpg"],
      {},
      "ROOT/train has one class only, cat. A classifier tells at least two classes apart: add pictures of something else.",
    ],
    [
      "an empty class",
      [...layout, "train/emu/"],
      {},
      "the class emu has no pictures in ROOT/train. Add some, or remove the folder.",
    ],
    [
      "a class of formats that are not read",
      [...layout, "train/emu/a.heic", "train/emu/b.bmp"],
      {},
      "the class emu has no pictures in ROOT/train; ROOT/train/emu holds only 1 .heic, 1 .bmp, and JPEG, PNG, WebP, GIF, AVIF and TIFF are read.",
    ],
    [
      "valid/ without pictures",
      ["train/cat/a.jpg", "train/dog/b.jpg", "valid/cat/"],
      {},
      "ROOT/valid holds no pictures. Put some of each class into it.",
    ],
    ["an empty train/", ["train/", "valid/cat/a.jpg"], {}, "ROOT/train is empty. Put"],
    [
      "one level too deep",
      ["data/train/cat/a.jpg", "data/valid/cat/a.jpg"],
      {},
      "ROOT holds folders of folders (data/train) and no pictures in them. Give the folder one level down, ROOT/data?",
    ],
    [
      "one picture a class",
      ["cat/a.jpg", "dog/b.jpg"],
      {},
      "ROOT has one picture of each class: there is none to hold out for validation. Add pictures.",
    ],
    [
      "both valid/ and validShare",
      layout,
      { validShare: 0.2 },
      "ROOT holds valid/, and validShare 0.2 asks for another validation set. Leave validShare out, or rename valid/.",
    ],
    ["a share of all", layout, { validShare: 1 }, "validShare is 1, expected a share above 0 and below 1."],
  ];

  test.each(bad)("%s", (_, files, options, says) => {
    using folder = temporaryFolder();
    folder.make(...files);
    const scan = () => scanImageFolder(folder.path, options);
    expect(scan).toThrow(ImageDataError);
    expect(scan).toThrow(says.replaceAll("ROOT", folder.path));
  });

  test("no such folder, a file instead of one", () => {
    using folder = temporaryFolder();
    const file = join(folder.make("a.jpg"), "a.jpg");
    expect(() => scanImageFolder(join(folder.path, "nope"))).toThrow(
      `${join(folder.path, "nope")} does not exist. Check the path`,
    );
    expect(() => scanImageFolder(file)).toThrow(`${file} is a file, not a folder.`);
  });

  test("a folder without permission is named", () => {
    using folder = temporaryFolder();
    folder.make(...layout);
    const locked = join(folder.path, "train/dog");
    chmodSync(folder.path, 0o755);
    chmodSync(locked, 0o000);
    // The superuser may read everything: be somebody else meanwhile.
    const superuser = process.geteuid?.() === 0;
    if (superuser) process.seteuid!(65_534);
    try {
      expect(() => scanImageFolder(folder.path)).toThrow(
        `${locked} may not be read: permission denied. Give yourself the right`,
      );
    } finally {
      if (superuser) process.seteuid!(0);
      chmodSync(locked, 0o755);
    }
  });

  test("the error says where the fault is", () => {
    using folder = temporaryFolder();
    folder.make("train/cat/a.jpg", "train/dog/b.jpg");
    writeFileSync(join(folder.path, "valid"), "");
    try {
      scanImageFolder(folder.path);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ name: "ImageDataError", path: folder.path, op: "imageFolder" });
    }
  });
});
