import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadSafetensors, saveSafetensors } from "../../src/io/files.node.js";
import { loadStateDict, stateDict } from "../../src/io/stateDict.js";
import * as nn from "../../src/nn/index.js";
import { tensor } from "../../src/ops/generate.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fai-io-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("safetensors files", () => {
  test("a model saved is the model loaded, with its metadata", async () => {
    const path = join(folder, "model.safetensors");
    const model = new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2));
    await saveSafetensors(path, await stateDict(model), { metadata: { epoch: "7" } });
    const { tensors, metadata } = await loadSafetensors(path);
    expect({ ...metadata }).toEqual({ epoch: "7" });
    const other = new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2));
    loadStateDict(other, tensors);
    for (const [name, t] of await stateDict(other))
      expect(t.node.host[0], name).toEqual((await stateDict(model)).get(name)!.node.host[0]);
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  test("an existing file is replaced whole, or not at all", async () => {
    const path = join(folder, "w.safetensors");
    await saveSafetensors(path, { x: tensor([1, 2, 3]) });
    await saveSafetensors(path, { x: tensor([4]) });
    expect([...(await loadSafetensors(path)).tensors.get("x")!.node.host[0]!]).toEqual([4]);
    await expect(
      saveSafetensors(path, { x: tensor([300], { dtype: "i32" }) }, { storage: () => "I8" }),
    ).rejects.toThrow("I8 does not hold");
    expect([...(await loadSafetensors(path)).tensors.get("x")!.node.host[0]!]).toEqual([4]);
  });

  test("a path that cannot be written is an error and leaves no temporary file", async () => {
    await expect(saveSafetensors(join(folder, "none", "w.safetensors"), {})).rejects.toThrow(
      /^\[saveSafetensors\] .*could not be written: ENOENT/,
    );
    await expect(saveSafetensors(folder, {})).rejects.toThrow("could not be written");
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  test("a missing or damaged file is an error that names it", async () => {
    const path = join(folder, "w.safetensors");
    await expect(loadSafetensors(path)).rejects.toThrow(
      /^\[loadSafetensors\] .*w\.safetensors could not be read: ENOENT/,
    );
    await saveSafetensors(path, { x: tensor([1, 2, 3]) });
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    await expect(loadSafetensors(path)).rejects.toThrow(
      /w\.safetensors: \[safetensors\] the data of "x" ends at byte 12, the file holds 11/,
    );
  });
});
