import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TensorError } from "../../src/errors.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.js";
import type { StorageType } from "../../src/io/storage.js";
import { leaf } from "../../src/node.js";
import { tensor } from "../../src/ops/generate.js";
import type { Tensor } from "../../src/tensor.js";
import { goldenBytes } from "../nn/golden.js";

/** A file with this header and data, whatever they say. */
function file(header: unknown, data: Uint8Array | number = 0, announced?: number): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const out = new Uint8Array(8 + json.length + bytes.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(announced ?? json.length), true);
  out.set(json, 8);
  out.set(bytes, 8 + json.length);
  return out;
}

const entry = (dtype: string, shape: unknown, ...offsets: unknown[]) => ({ dtype, shape, data_offsets: offsets });

/** The one tensor of a file of `type` with these bytes. */
function decodeOne(type: StorageType, bytes: ArrayBufferView, length: number): number[] {
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const t = decodeSafetensors(file({ x: entry(type, [length], 0, data.length) }, data)).tensors.get("x")!;
  return [...t.node.host[0]!];
}

describe("safetensors", () => {
  test("files of the reference implementation are decoded and encoded to the same bytes", async () => {
    for (const name of ["resnet18.safetensors", "lstm.safetensors"]) {
      const bytes = goldenBytes(name);
      const { tensors } = decodeSafetensors(bytes);
      const again = await encodeSafetensors(tensors);
      expect(Buffer.compare(again, bytes), name).toBe(0);
    }
  });

  test("every dtype is read", () => {
    expect(decodeOne("F64", Float64Array.of(1.5, -2), 2)).toEqual([1.5, -2]);
    expect(decodeOne("F32", Float32Array.of(1.5, -2), 2)).toEqual([1.5, -2]);
    expect(decodeOne("F16", Uint16Array.of(0x3e00, 0xc000, 0x0001, 0x7c00, 0x8000, 0x7bff), 6)).toEqual([
      1.5,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      -0,
      65504,
    ]);
    expect(decodeOne("F16", Uint16Array.of(0x7e01), 1)).toEqual([Number.NaN]);
    expect(decodeOne("BF16", Uint16Array.of(0x3fc0, 0xc000, 0x7f80), 3)).toEqual([1.5, -2, Number.POSITIVE_INFINITY]);
    expect(decodeOne("I64", BigInt64Array.of(-5n, 2147483647n), 2)).toEqual([-5, 2147483647]);
    expect(decodeOne("I32", Int32Array.of(-5, 7), 2)).toEqual([-5, 7]);
    expect(decodeOne("I16", Int16Array.of(-5, 7), 2)).toEqual([-5, 7]);
    expect(decodeOne("I8", Int8Array.of(-5, 7), 2)).toEqual([-5, 7]);
    expect(decodeOne("U8", Uint8Array.of(250, 7), 2)).toEqual([250, 7]);
    expect(decodeOne("BOOL", Uint8Array.of(1, 0), 2)).toEqual([1, 0]);
  });

  test("numbers that do not fit are errors", async () => {
    expect(() => decodeOne("I64", BigInt64Array.of(0n, 2n ** 31n), 2)).toThrow(
      '[safetensors] element 1 of "x" is 2147483648, which i32 does not hold.',
    );
    expect(() => decodeOne("BOOL", Uint8Array.of(0, 2), 2)).toThrow(
      'element 1 of "x" is the byte 2, a BOOL is 0 or 1.',
    );
    const x = tensor([1000], { dtype: "i32" });
    await expect(encodeSafetensors({ x }, { storage: () => "I8" })).rejects.toThrow(
      "element 0 of x is 1000, which I8 does not hold.",
    );
    await expect(encodeSafetensors({ x }, { storage: () => "F16" })).rejects.toThrow(
      "x has dtype i32, which is not stored as F16.",
    );
  });

  test("data at any offset in a larger buffer is read", () => {
    const bytes = file({ x: entry("F64", [1], 0, 8) }, new Uint8Array(Float64Array.of(2.5).buffer));
    for (let shift = 0; shift < 9; shift++) {
      const larger = new Uint8Array(bytes.length + shift);
      larger.set(bytes, shift);
      expect(decodeSafetensors(larger.subarray(shift)).tensors.get("x")!.node.host[0]).toEqual(Float32Array.of(2.5));
    }
  });

  test("a tensor keeps nothing of the file it was read from", () => {
    const bytes = Buffer.from(file({ x: entry("U8", [1], 0, 1) }, Uint8Array.of(3)));
    const { tensors } = decodeSafetensors(bytes);
    bytes.fill(0);
    expect([...tensors.get("x")!.node.host[0]!]).toEqual([3]);
  });

  test("names and metadata of any kind survive", async () => {
    const tensors = new Map([
      ["__proto__", tensor([1])],
      ["7", tensor([2])],
      ['ü"\\\n', tensor([3])],
      ["", tensor([4])],
    ]);
    const metadata = JSON.parse('{"__proto__": "a", "format": "pt"}') as Record<string, string>;
    const content = decodeSafetensors(await encodeSafetensors(tensors, { metadata }));
    expect([...content.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    expect(Object.entries(content.metadata)).toEqual([
      ["__proto__", "a"],
      ["format", "pt"],
    ]);
    await expect(encodeSafetensors({ __metadata__: tensor([1]) })).rejects.toThrow(
      "a tensor cannot be called __metadata__",
    );
  });

  const float = fc.float({ noDefaultInfinity: false });
  const storable: fc.Arbitrary<[StorageType, Tensor]> = fc.oneof(
    fc.tuple(
      fc.constant("F32" as const),
      fc.array(float).map((v) => tensor(Float32Array.from(v))),
    ),
    fc.tuple(
      fc.constantFrom("I32" as const, "I64" as const),
      fc.array(fc.integer()).map((v) => tensor(Int32Array.from(v))),
    ),
    fc.tuple(
      fc.constant("I16" as const),
      fc.int16Array().map((v) => tensor(v)),
    ),
    fc.tuple(
      fc.constant("I8" as const),
      fc.int8Array().map((v) => tensor(v)),
    ),
    fc.tuple(
      fc.constant("U8" as const),
      fc.uint8Array().map((v) => tensor(v)),
    ),
    fc.tuple(
      fc.constant("BOOL" as const),
      fc.array(fc.boolean()).map((v) => tensor(v, { dtype: "bool", shape: [v.length] })),
    ),
    fc.tuple(
      fc.constant("F16" as const),
      fc.array(fc.integer({ min: -2048, max: 2048 })).map((v) => tensor(Float32Array.from(v, (n) => n / 64))),
    ),
    fc.tuple(
      fc.constant("BF16" as const),
      fc.array(fc.integer({ min: -256, max: 256 })).map((v) => tensor(Float32Array.from(v, (n) => n / 64))),
    ),
    fc.tuple(
      fc.constant("F64" as const),
      fc.array(float).map((v) => tensor(Float32Array.from(v))),
    ),
  );

  test("what is encoded is decoded again: shapes, dtypes and bits", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string(), storable), { maxLength: 6 }),
        fc.dictionary(fc.string(), fc.string()),
        async (list, metadata) => {
          const named = new Map(
            list
              .filter(([name]) => name !== "__metadata__")
              .map(([name, [type, t]]) => [name, { type, t: t.size % 2 === 0 ? t.reshape(2, t.size / 2) : t }]),
          );
          const bytes = await encodeSafetensors(new Map([...named].map(([name, { t }]) => [name, t])), {
            metadata,
            storage: (name) => named.get(name)!.type,
          });
          const content = decodeSafetensors(bytes);
          expect({ ...content.metadata }).toEqual({ ...metadata });
          expect([...content.tensors.keys()].sort()).toEqual([...named.keys()].sort());
          for (const [name, { t }] of named) {
            const found = content.tensors.get(name)!;
            expect([found.dtype, found.shape]).toEqual([t.dtype, t.shape]);
            expect(found.node.host[0]).toEqual(t.node.host[0]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("halves and bfloats round to nearest, ties to even", async () => {
    const round = async (storage: "F16" | "BF16", ...values: number[]) => [
      ...decodeSafetensors(await encodeSafetensors({ x: tensor(values) }, { storage: () => storage })).tensors.get("x")!
        .node.host[0]!,
    ];
    expect(await round("F16", 2049, 2051, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -1e-9, 0.99999)).toEqual([
      2048,
      2052,
      65504,
      Number.POSITIVE_INFINITY,
      0,
      2 ** -23,
      -0,
      1,
    ]);
    expect(await round("BF16", 257, 259, 3.4028235e38, Number.NaN)).toEqual([
      256,
      260,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });
});

describe("damaged and lying files are refused", () => {
  const ok = { x: entry("F32", [2], 0, 8) };
  test.each<[string, Uint8Array, string]>([
    ["empty", new Uint8Array(0), "the file has 0 bytes, a safetensors file has at least 8"],
    ["shorter than its length field", new Uint8Array(7), "the file has 7 bytes"],
    ["a header longer than the file", file(ok, 8, 4096), "announce a header of 4096 bytes, the file holds"],
    ["a header of 2^60 bytes", file(ok, 8, 2 ** 60), "more than 100000000: this is no safetensors file"],
    ["a header over the limit", file(ok, 8, 100_000_001), "more than 100000000"],
    ["no header", file("", 8), 'the header starts with "", expected "{"'],
    ["no JSON", file("{nothing}", 8), "the header is no JSON"],
    ["a cut header", file(JSON.stringify(ok).slice(0, -3), 8), "the header is no JSON"],
    ["a list", file("[]", 8), 'the header starts with "["'],
    ["leading space", file(` ${JSON.stringify(ok)}`, 8), 'the header starts with " "'],
    ["a byte order mark", file(`\ufeff${JSON.stringify(ok)}`, 8), "the header starts with"],
    [
      "bytes that are no UTF-8",
      (() => {
        const f = file(ok, 8);
        f[10] = 0xff;
        return f;
      })(),
      "the header is no JSON",
    ],
    ["deep nesting", file(`{"x":${"[".repeat(200_000)}`), "the header is no JSON"],
    ["data cut off", file(ok, 4), 'the data of "x" ends at byte 8, the file holds 4 bytes of data'],
    ["data left over", file(ok, 9), '1 bytes follow the data of "x"'],
    [
      "overlap",
      file({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 2, 6) }, 6),
      'the data of "b" overlaps that of "a"',
    ],
    [
      "the same data twice",
      file({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 0, 4) }, 4),
      'the data of "b" overlaps that of "a"',
    ],
    [
      "a hole",
      file({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 4, 6) }, 6),
      'a hole of 2 bytes between "a" and the data of "b"',
    ],
    ["a hole at the start", file({ a: entry("U8", [2], 4, 6) }, 6), "a hole of 4 bytes between the header"],
    [
      "a wrong size",
      file({ x: entry("F32", [3], 0, 8) }, 8),
      '"x" of F32 [3] takes 12 bytes, its data_offsets [0,8] hold 8',
    ],
    ["offsets reversed", file({ x: entry("F32", [2], 8, 0) }, 8), "hold -8"],
    ["offsets far away", file({ x: entry("U8", [2], 2 ** 52, 2 ** 52 + 2) }, 8), "a hole of 4503599627370496 bytes"],
    ["a huge tensor", file({ x: entry("F32", [2 ** 31, 2 ** 31], 0, 8) }, 8), "takes 18446744073709552000 bytes"],
    ["a size over 2^53", file({ x: entry("F32", [2 ** 60], 0, 8) }, 8), "expected a list of whole numbers"],
    [
      "a negative shape",
      file({ x: entry("F32", [-2], 0, 8) }, 8),
      "has shape [-2], expected a list of whole numbers of at least 0",
    ],
    ["two negative sizes", file({ x: entry("F32", [-1, -2], 0, 8) }, 8), "has shape [-1,-2]"],
    ["a size with a fraction", file({ x: entry("F32", [0.5, 4], 0, 8) }, 8), "has shape [0.5,4]"],
    ["a shape that is no list", file({ x: entry("F32", 2, 0, 8) }, 8), "has shape 2"],
    ["a shape of texts", file({ x: entry("F32", ["2"], 0, 8) }, 8), 'has shape ["2"]'],
    [
      "an unknown dtype",
      file({ x: entry("F8_E4M3", [8], 0, 8) }, 8),
      '"x" has dtype "F8_E4M3"; these are read: F64, F32',
    ],
    ["a dtype of the prototype", file({ x: entry("toString", [8], 0, 8) }, 8), 'has dtype "toString"'],
    ["no dtype", file({ x: { shape: [2], data_offsets: [0, 8] } }, 8), "has dtype missing"],
    ["no offsets", file({ x: { dtype: "F32", shape: [2] } }, 8), "has data_offsets missing"],
    ["three offsets", file({ x: entry("F32", [2], 0, 8, 8) }, 8), "expected [begin, end]"],
    ["a tensor that is null", file({ x: null }, 8), '"x" is no record'],
    ["a tensor that is a list", file({ x: [] }, 8), '"x" is no record'],
    ["metadata that is no record", file({ __metadata__: [], ...ok }, 8), "__metadata__ is no record of strings"],
    ["metadata with numbers", file({ __metadata__: { a: 1 }, ...ok }, 8), '__metadata__ has "a": number'],
    [
      "equal names",
      file(
        '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        2,
      ),
      'the key "x" twice',
    ],
    [
      "equal names, one escaped",
      file(
        '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0078":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      'the key "x" twice',
    ],
    [
      "equal fields",
      file('{"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1),
      'the key "dtype" twice',
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(TensorError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });

  test("any cut of a good file is refused", () => {
    const bytes = goldenBytes("lstm.safetensors");
    for (let length = 0; length < bytes.length; length += length < 900 ? 1 : 97) {
      expect(() => decodeSafetensors(bytes.subarray(0, length)), `${length} bytes`).toThrow(TensorError);
    }
  });

  test("fuzzed bytes and headers give a TensorError or tensors that the file holds", () => {
    const good = file({ a: entry("F32", [2], 0, 8), b: entry("I64", [1], 8, 16), __metadata__: { k: "v" } }, 16);
    const check = (bytes: Uint8Array) => {
      try {
        const { tensors } = decodeSafetensors(bytes);
        let total = 0;
        for (const t of tensors.values()) total += t.size;
        expect(total).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(TensorError);
      }
    };
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, (list) => {
        const bytes = good.slice();
        for (const [at, value] of list) bytes[at] = value;
        check(bytes);
      }),
      { numRuns: 1500 },
    );
    const size = fc.oneof(
      fc.integer({ min: -2, max: 20 }),
      fc.maxSafeInteger(),
      fc.double(),
      fc.constant("2"),
      fc.constant(null),
    );
    const lie = fc.record(
      {
        dtype: fc.constantFrom("F32", "I64", "U8", "BOOL", "F4", 3),
        shape: fc.oneof(fc.array(size, { maxLength: 4 }), size),
        data_offsets: fc.oneof(fc.array(size, { maxLength: 3 }), size),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(lie, fc.jsonValue()), { maxKeys: 4 }),
        fc.nat(64),
        (header, data) => check(file(header, data)),
      ),
      { numRuns: 1500 },
    );
  });
});

test("tensors of halves are stored as F16, bit by bit, and read as f32 unless they are asked for as halves", async () => {
  const bits = Uint16Array.from({ length: 0x7c01 }, (_, i) => i);
  const x = leaf(bits, [bits.length], "f16");
  const bytes = await encodeSafetensors({ x, y: tensor([0.1], { dtype: "f16" }) });
  expect(bytes.length).toBeLessThan(2 * bits.length + 200);
  const kept = decodeSafetensors(bytes, { halves: "f16" }).tensors;
  expect([...kept.values()].map(({ dtype }) => dtype)).toEqual(["f16", "f16"]);
  expect(kept.get("x")!.node.host[0]).toEqual(bits);
  const wide = decodeSafetensors(bytes).tensors.get("x")!;
  expect(wide.dtype).toBe("f32");
  expect(await wide.data()).toEqual(await x.data());
  const again = await encodeSafetensors({ x }, { storage: () => "F32" });
  expect(await decodeSafetensors(again).tensors.get("x")!.data()).toEqual(await x.data());
});
