import { afterEach, describe, expect, test } from "vitest";
import type { CpuBackend } from "../../src/backends/cpu/cpuBackend.js";
import type { CpuOptions } from "../../src/backends/cpu/engine.js";
import type { HostArray } from "../../src/dtype.js";
import { OutOfMemoryError } from "../../src/memory.js";
import { cpuBackends, threadedBackends } from "./backends.js";
import { addInto, addScalar, checkedAdd, matmulAndSum, scalars, slow, storeUpload } from "./plans.js";

/** Compares bytes: the matchers take seconds over large arrays. */
function sameBytes(actual: HostArray, expected: HostArray): boolean {
  const bytes = (data: HostArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return bytes(actual).equals(bytes(expected));
}

let opened: CpuBackend[] = [];
afterEach(async () => {
  for (const backend of opened) await backend.close();
  opened = [];
});

describe.each(cpuBackends)("%s", (_, opener) => {
  const open = (options?: CpuOptions) => {
    const backend = opener(options);
    opened.push(backend);
    return backend;
  };
  const filled = (backend: CpuBackend, n: number, value: number) => {
    const allocation = backend.allocate(n * 4);
    backend.write(allocation, new Float32Array(n).fill(value));
    return allocation;
  };

  test("what is written is read back, of every type and at every size", async () => {
    const backend = open();
    for (const n of [0, 1, 3, 64, 1000, 100_001]) {
      for (const type of [Float32Array, Int32Array, Uint8Array]) {
        const data = new type(n);
        for (let i = 0; i < n; i++) data[i] = i * 7 + 1;
        const allocation = backend.allocate(data.byteLength);
        backend.write(allocation, data);
        expect(sameBytes(await backend.read(allocation, new type(n)), data)).toBe(true);
      }
    }
  });

  test("parts of larger arrays are written and read", async () => {
    const backend = open();
    const allocation = backend.allocate(16);
    backend.write(allocation, Float32Array.from([1, 2, 3, 4, 5, 6]).subarray(1, 5));
    const into = new Float32Array(8);
    await backend.read(allocation, into.subarray(2, 6));
    expect([...into]).toEqual([0, 0, 2, 3, 4, 5, 0, 0]);
  });

  test.each([
    ["on the caller", 1e9],
    ["beside the caller", 0],
  ])("a hundred submissions at once run in order, %s", async (_, inlineMicroseconds) => {
    const backend = open({ inlineMicroseconds });
    const n = 5000;
    const cell = filled(backend, n, 0);
    const add = backend.compile(addScalar(n));
    const store = backend.compile(storeUpload(n));
    const upload = new Float32Array(n);
    const values = new Int32Array(1);
    const pending = [];
    let expected = 0;
    for (let i = 0; i < 100; i++) {
      values.set(scalars(i));
      if (i % 10 === 3) {
        upload.fill(i * 2);
        pending.push(backend.submit(store, { bound: [cell], uploads: [upload], scalars: values }));
        expected = i * 3;
      } else {
        pending.push(backend.submit(add, { bound: [cell], uploads: [], scalars: values }));
        expected += i;
      }
    }
    // Everything was copied: what happens to the caller's arrays now is nobody's business.
    upload.fill(-1);
    values.fill(-1);
    expect(sameBytes(await backend.read(cell, new Float32Array(n)), new Float32Array(n).fill(expected))).toBe(true);
    expect(await Promise.all(pending)).toEqual(new Array(100).fill(undefined));
  });

  test("reads and writes keep their place among submissions", async () => {
    const backend = open({ inlineMicroseconds: 0 });
    const n = 200_000;
    const cell = filled(backend, n, 1);
    const other = filled(backend, n, 50);
    const add = backend.compile(slow(n, 5));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    const first = backend.submit(add, submission);
    const second = backend.submit(add, submission);
    const before = backend.read(cell, new Float32Array(n));
    // Nobody computes on this one, so it is written and read meanwhile.
    backend.write(other, new Float32Array(n).fill(60));
    const aside = backend.read(other, new Float32Array(n));
    backend.write(cell, new Float32Array(n).fill(100));
    const third = backend.submit(add, submission);
    const after = backend.read(cell, new Float32Array(n));
    backend.write(cell, new Float32Array(n).fill(7));
    const last = backend.read(cell, new Float32Array(n));
    expect((await before)[n - 1]).toBe(3);
    expect((await aside)[n - 1]).toBe(60);
    expect((await after)[n - 1]).toBe(101);
    expect((await last)[n - 1]).toBe(7);
    await Promise.all([first, second, third]);
  });

  test("released memory is reused at once, and what ran on it before is not disturbed", async () => {
    const backend = open({ inlineMicroseconds: 0 });
    const n = 50_000;
    const into = backend.compile(addInto(n));
    const results = [];
    const source = filled(backend, n, 5);
    const used = backend.memory().allocatedBytes;
    for (let i = 0; i < 30; i++) {
      const data = filled(backend, n, i);
      const result = backend.allocate(n * 4);
      void backend.submit(into, { bound: [data, result], uploads: [], scalars: scalars(0.5) });
      results.push(backend.read(result, new Float32Array(n)));
      backend.release(data);
      backend.release(result);
    }
    for (const [i, result] of results.entries()) {
      expect(sameBytes(await result, new Float32Array(n).fill(i + 0.5))).toBe(true);
    }
    expect(backend.memory().allocatedBytes).toBe(used);
    expect((await backend.read(source, new Float32Array(n)))[0]).toBe(5);
  });

  test("plans are compiled, grow the shared regions and are disposed while others run", async () => {
    const backend = open({ inlineMicroseconds: 0 });
    const pending = [];
    const cells = [];
    for (let i = 0; i < 24; i++) {
      const n = 1000 * (1 + ((i * 7) % 24));
      const cell = backend.allocate(n * 4);
      const add = backend.compile(addScalar(n));
      const store = backend.compile(storeUpload(n));
      const uploads = [new Float32Array(n).fill(i)];
      pending.push(backend.submit(store, { bound: [cell], uploads, scalars: scalars(1) }));
      pending.push(backend.submit(add, { bound: [cell], uploads: [], scalars: scalars(10) }));
      add.dispose();
      store.dispose();
      cells.push({ n, value: backend.read(cell, new Float32Array(n)) });
      if (i % 3 === 0) backend.release(cell);
      if (i % 7 === 0) backend.freeMemory();
    }
    for (const [i, { n, value }] of cells.entries()) {
      expect(sameBytes(await value, new Float32Array(n).fill(i + 11))).toBe(true);
    }
    await Promise.all(pending);
  });

  test("the budget gives a typed error with advice, and the backend stays usable", async () => {
    const backend = open({ budgetBytes: 2 ** 20 });
    const n = 1000;
    const cell = filled(backend, n, 1);
    expect(() => backend.allocate(2 ** 20)).toThrow(OutOfMemoryError);
    expect(() => backend.allocate(2 ** 20)).toThrow(/\[memory\] out of memory: 1.00 MiB asked, .* Use a smaller batch/);
    const tooLarge = 2 ** 18;
    const huge = backend.compile({ ...addScalar(n), scratchBytes: tooLarge * 4 });
    expect(() => backend.submit(huge, { bound: [cell], uploads: [], scalars: scalars(1) })).toThrow(OutOfMemoryError);
    const add = backend.compile(addScalar(n));
    await backend.submit(add, { bound: [cell], uploads: [], scalars: scalars(1) });
    expect(() => backend.submit(huge, { bound: [cell], uploads: [], scalars: scalars(1) })).toThrow(OutOfMemoryError);
    await backend.submit(add, { bound: [cell], uploads: [], scalars: scalars(1) });
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(3);
  });

  test("a fault is reported and later submissions start without it", async () => {
    for (const inlineMicroseconds of [0, 1e9]) {
      const backend = open({ inlineMicroseconds });
      const n = 100;
      const checked = backend.compile(checkedAdd(n));
      const data = filled(backend, n, 1);
      const result = filled(backend, n, 0);
      const submission = { bound: [data, result], uploads: [], scalars: scalars(1) };
      expect(await backend.submit(checked, submission)).toBeUndefined();
      backend.write(data, new Float32Array(n).fill(2).fill(Number.NaN, 50, 51));
      const faulty = backend.submit(checked, submission);
      expect(await faulty).toMatchObject({ fault: "nonFinite", group: 0 });
      expect((await backend.read(result, new Float32Array(n)))[0]).toBe(2);
      backend.write(data, new Float32Array(n).fill(4));
      expect(await backend.submit(checked, submission)).toBeUndefined();
      expect((await backend.read(result, new Float32Array(n)))[0]).toBe(5);
    }
  });

  test("memory is counted, freed and given back", async () => {
    const backend = open();
    const n = 10_000;
    const cell = filled(backend, n, 1);
    const add = backend.compile(addScalar(n));
    await backend.submit(add, { bound: [cell], uploads: [], scalars: scalars(1) });
    expect(backend.memory().allocatedBytes).toBe(n * 4);
    expect(backend.memory().scratchBytes).toBeGreaterThanOrEqual(n * 4);
    backend.freeMemory();
    expect(backend.memory().scratchBytes).toBeLessThan(n * 4);
    await backend.submit(add, { bound: [cell], uploads: [], scalars: scalars(1) });
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(3);
    backend.release(cell);
    expect(backend.memory().allocatedBytes).toBe(0);
  });

  test("wrong use is refused", async () => {
    const backend = open();
    const cell = backend.allocate(64);
    expect(() => backend.write(cell, new Float32Array(17))).toThrow("write of 68 bytes");
    expect(() => backend.read(cell, new Float32Array(17))).toThrow("read of 68 bytes");
    backend.release(cell);
    expect(() => backend.release(cell)).toThrow("released twice");
    expect(() => backend.write(cell, new Float32Array(1))).toThrow("released allocation");
    await backend.close();
    expect(() => backend.allocate(1)).toThrow(`[backend] the ${backend.name} backend is closed`);
    await backend.close();
  });
});

describe.each(threadedBackends)("%s threads", (_, open) => {
  test("any number of threads gives the same bits", async () => {
    const size = 190;
    const random = (seed: number) => Float32Array.from({ length: size * size }, (_, i) => Math.sin(i * 12.9898 + seed));
    const results = [];
    for (const threads of [1, 2, 3, 8]) {
      for (const inlineMicroseconds of [0, 1e9]) {
        const backend = open({ threads, inlineMicroseconds });
        opened.push(backend);
        const bound = [size * size, size * size, size * size, size].map((n) => backend.allocate(n * 4));
        backend.write(bound[0]!, random(1));
        backend.write(bound[1]!, random(2));
        const executable = backend.compile(matmulAndSum(size));
        for (let i = 0; i < 3; i++) await backend.submit(executable, { bound, uploads: [], scalars: scalars() });
        const product = await backend.read(bound[2]!, new Int32Array(size * size));
        results.push({ product, sums: await backend.read(bound[3]!, new Int32Array(size)) });
      }
    }
    expect(results[0]!.product.some((bits) => bits !== 0)).toBe(true);
    for (const { product, sums } of results) {
      expect(sameBytes(product, results[0]!.product)).toBe(true);
      expect(sameBytes(sums, results[0]!.sums)).toBe(true);
    }
  });

  test("closing waits for what runs", async () => {
    const backend = open({ inlineMicroseconds: 0 });
    const cell = backend.allocate(4e5);
    backend.write(cell, new Float32Array(1e5));
    const executable = backend.compile(slow(1e5, 20));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    const pending = [1, 2, 3, 4].map(() => backend.submit(executable, submission));
    const result = backend.read(cell, new Float32Array(1e5));
    await backend.close();
    expect(await Promise.all(pending)).toEqual(new Array(4).fill(undefined));
    expect((await result)[99_999]).toBe(4);
  });
});
