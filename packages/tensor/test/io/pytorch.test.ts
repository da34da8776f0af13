import { existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { loadPytorch } from "../../src/io/files.node.js";
import { decodePytorch, loadStateDict } from "../../src/io/index.js";
import { BatchNorm1d, Linear, Sequential } from "../../src/nn/index.js";

/** Files that makeFixtures.py wrote with PyTorch. */
const pathOf = (name: string) => fileURLToPath(new URL(`pytorch/${name}.pth`, import.meta.url));
const fixture = (name: string) => new Uint8Array(readFileSync(pathOf(name)));

describe.each(["zip", "legacy"])("the %s format", (format) => {
  const { tensors, value } = decodePytorch(fixture(format));
  const read = (name: string) => tensors.get(`model.${name}`)!.toArray();

  test("views are laid out row by row", async () => {
    expect(await read("transposed")).toEqual([
      [0, 4, 8],
      [1, 5, 9],
      [2, 6, 10],
      [3, 7, 11],
    ]);
    expect(await read("part")).toEqual([
      [4, 6],
      [8, 10],
    ]);
    expect(await read("repeated")).toEqual([7, 7, 7]);
    expect(tensors.get("model.empty")!.shape).toEqual([0, 3]);
    expect(await read("scalar")).toBe(3.25);
    expect(await read("parameter")).toEqual([0.5, 0.25]);
  });

  test("every type of number", async () => {
    expect(await read("half")).toEqual([1.5, 65504, -0]);
    expect(await read("bfloat")).toEqual([1.5, -3]);
    expect(await read("double")).toEqual([Math.fround(0.1)]);
    expect(await read("long")).toEqual([-5, 2 ** 31 - 1]);
    expect(await read("int8")).toEqual([-128, 127]);
    expect(await read("uint8")).toEqual([0, 255]);
    expect(await read("bool")).toEqual([true, false]);
    expect(["double", "long", "uint8", "bool"].map((name) => tensors.get(`model.${name}`)!.dtype)).toEqual([
      "f32",
      "i32",
      "u8",
      "bool",
    ]);
  });

  test("what is no tensor, and what stands twice", () => {
    const all = value as Map<string, unknown>;
    expect([all.get("epoch"), all.get("name"), all.get("rate"), all.get("big")]).toEqual([7, "naïve", 1e-3, 2n ** 70n]);
    expect(all.get("flags")).toEqual([true, null, new Set(["a", "b"])]);
    const twice = all.get("twice") as Tensor[];
    expect(twice[0]).toBe(twice[1]);
    expect(tensors.has("twice.0") && tensors.has("twice.1")).toBe(true);
  });

  test("a prefix picks one part", () => {
    expect(decodePytorch(fixture(format), { prefix: "model" }).tensors.has("scalar")).toBe(true);
    expect(() => decodePytorch(fixture(format), { prefix: "optimizer" })).toThrow(
      /begins with optimizer\.; the names begin with model, twice/,
    );
  });

  test("a file that is cut off anywhere is refused, with a reason", () => {
    const whole = fixture(format);
    for (let length = 0; length < whole.length; length += 7) {
      expect(() => decodePytorch(whole.slice(0, length)), `${length} bytes`).toThrow(/^\[pytorch\]/);
    }
  });

  test("a damaged file is read or refused, and never anything else", () => {
    const whole = fixture(format);
    for (let at = 0; at < whole.length; at += 3) {
      const bytes = whole.slice();
      bytes[at] ^= 0x55;
      try {
        decodePytorch(bytes);
      } catch (error) {
        expect((error as Error).message, `byte ${at}`).toMatch(/^\[(pytorch|safetensors|shape|leaf)/);
      }
    }
  });
});

test("Node's buffers, at any offset", async () => {
  const bytes = fixture("legacy");
  for (const offset of [0, 1, 2, 3]) {
    const buffer = Buffer.alloc(bytes.length + offset).subarray(offset);
    buffer.set(bytes);
    expect(await decodePytorch(buffer).tensors.get("model.part")!.toArray()).toEqual([
      [4, 6],
      [8, 10],
    ]);
  }
});

test("a state dict loads into the same layers", async () => {
  const net = new Sequential(new Linear(2, 3), new BatchNorm1d(3));
  const { tensors } = await loadPytorch(pathOf("stateDict"));
  expect(loadStateDict(net, tensors)).toEqual({ missing: [], unexpected: [] });
  expect(await net.layers[0].weight.value.data()).toEqual(await tensors.get("0.weight")!.data());
});

describe("files that want more than to be read", () => {
  const trace = "/tmp/executed";

  test.each(["evil", "evilLegacy"])("%s runs nothing", (name) => {
    rmSync(trace, { force: true });
    expect(() => decodePytorch(fixture(name))).toThrow(/wants (posix|nt|os)\.system to be called.*nothing was run/);
    expect(existsSync(trace)).toBe(false);
  });

  test("a whole model is refused by the name of its class", () => {
    expect(() => decodePytorch(fixture("wholeModel"))).toThrow(/torch\.nn\.modules\.linear\.Linear.*state_dict/);
  });

  const legacy = (pickle: readonly number[]) => {
    const start = fixture("legacy");
    const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
    expect([...start.slice(0, magic.length)]).toEqual(magic);
    const integer = [0x80, 2, 0x4d, 0xe9, 3, 0x2e];
    return Uint8Array.from([...magic, ...integer, 0x80, 2, 0x7d, 0x2e, ...pickle]);
  };
  const ascii = (text: string) => [...text].map((c) => c.charCodeAt(0));

  test.each([
    ["an attribute of a class", ascii("c__builtin__\neval\n(S'1'\ntR."), /opcode "S"/],
    ["a class that is instantiated", ascii("(i__main__\nX\n."), /opcode "i"/],
    ["a registered extension", [0x82, 1, 0x2e], /opcode 0x82/],
    ["a recall of nothing", [0x68, 9, 0x2e], /recalls entry 9/],
    ["a text that is longer than the file", [0x58, 255, 255, 255, 127, 0x2e], /more bytes are expected/],
    ["names of JavaScript's own", ascii("cconstructor\nprototype\n)R."), /wants constructor\.prototype to be called/],
    ["a state for what has none", ascii("]}b."), /sets attributes of what is no dict/],
  ])("%s", (_, pickle, message) => {
    expect(() => decodePytorch(legacy(pickle))).toThrow(message as RegExp);
  });

  test("a tensor that claims more elements than the file holds", () => {
    // [2^30] with stride 0 over one float: 4 GB when laid out.
    const bytes = fixture("legacy");
    const at = bytes.findIndex(
      (b, i) =>
        b === 0x4b &&
        bytes[i + 1] === 3 &&
        bytes[i + 2] === 0x85 &&
        bytes[i + 5] === 0x4b &&
        bytes[i + 6] === 0 &&
        bytes[i + 7] === 0x85,
    );
    expect(at).toBeGreaterThan(0);
    const huge = Uint8Array.from([...bytes.slice(0, at), 0x4a, 0, 0, 0, 0x40, ...bytes.slice(at + 2)]);
    expect(() => decodePytorch(huge)).toThrow(/far more tensor elements than it holds/);
  });

  test("other files", async () => {
    expect(() =>
      decodePytorch(new TextEncoder().encode("PK\x03\x04 not really an archive, but it begins as one")),
    ).toThrow(/no directory at its end/);
    expect(() => decodePytorch(new TextEncoder().encode("hello"))).toThrow(/is no PyTorch file/);
    await expect(loadPytorch(pathOf("missing"))).rejects.toThrow(/missing\.pth could not be read/);
  });
});
