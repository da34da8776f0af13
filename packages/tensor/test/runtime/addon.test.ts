import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addonPlaces, findAddon, placeOfPackage, platformName } from "../../src/backends/cpu/addon.node.js";
import { nativeProblem } from "../../src/backends/cpu/native.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fai-addon-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, contents: string): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

/** The package.json of a platform package with an addon of 7 bytes. */
function platformPackage(name: string, manifest: object, addon = "library"): string {
  mkdirSync(join(folder, name));
  if (addon !== "") file(`${name}/fai-cpu.node`, addon);
  return file(`${name}/package.json`, JSON.stringify({ version: "1.2.3", addonBytes: 7, ...manifest }));
}

test("a system is known by the loader that its programs name", () => {
  const plain = `${process.platform}-${process.arch}`;
  const glibc = file("glibc", `\x7fELF${"\0".repeat(500)}/lib64/ld-linux-x86-64.so.2\0`);
  const musl = file("musl", `\x7fELF${"\0".repeat(500)}/lib/ld-musl-x86_64.so.1\0`);
  expect(platformName(glibc)).toBe(plain);
  expect(platformName(musl)).toBe(process.platform === "linux" ? `${plain}-musl` : plain);
});

test("the place of the package's own build comes first, then the package for this platform", () => {
  expect(addonPlaces().map(({ name }) => name)).toEqual([
    "the build in the package's folder",
    `the package @fai/tensor-${platformName()}`,
  ]);
});

describe("a platform package", () => {
  const place = (manifest: string) => placeOfPackage("it", manifest, "1.2.3");

  test("as published", () => {
    expect(place(platformPackage("whole", {}))).toEqual({ name: "it", file: join(folder, "whole", "fai-cpu.node") });
  });

  test("of another version, cut short, or without its file is not loaded", () => {
    expect(place(platformPackage("old", { version: "1.2.2" })).unfit).toBe(
      "is version 1.2.2, but @fai/tensor is 1.2.3",
    );
    expect(place(platformPackage("short", {}, "lib")).unfit).toBe("has 3 bytes in place of 7");
    expect(place(platformPackage("empty", {}, "")).unfit).toBe("lacks its file fai-cpu.node");
  });
});

test("places are tried in order, and what was wrong with each is kept", () => {
  const places = [
    { name: "one", absent: "is not there" },
    { name: "two", file: file("two.node", "no library") },
    { name: "three", unfit: "is version 1, but @fai/tensor is 2" },
  ];
  const { addon, absent, broken } = findAddon(places);
  expect(addon).toBeUndefined();
  expect(absent).toEqual(["one is not there"]);
  expect(broken.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/^two does not load \(.+\)$/),
    "three is version 1, but @fai/tensor is 2",
  ]);
});

test.runIf(nativeProblem() === undefined)("the first addon that loads is taken", () => {
  const { addon, from, broken } = findAddon([{ name: "bad", file: file("bad.node", "no library") }, ...addonPlaces()]);
  expect(addon).toBeDefined();
  expect(from).toBeDefined();
  expect(broken).toHaveLength(1);
});
