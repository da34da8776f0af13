import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Plan } from "../../src/backend.js";
import { DeviceLostError } from "../../src/backends/webgpu/errors.js";
import { type WebGpuOptions, webgpu, webgpuFor } from "../../src/backends/webgpu/webgpu.js";
import type { WebGpuBackend } from "../../src/backends/webgpu/webgpuBackend.js";
import type { HostArray } from "../../src/dtype.js";
import { OutOfMemoryError } from "../../src/memory.js";
import { addInto, addScalar, checkedAdd, scalars, slow, storeUpload } from "../runtime/plans.js";
import { softwareGpu } from "./softwareGpu.js";

const opened: WebGpuBackend[] = [];
async function open(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const backend = await webgpu({ gpu: await softwareGpu(), ...options });
  opened.push(backend);
  return backend;
}
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close();
});

function filled(backend: WebGpuBackend, n: number, value: number) {
  const allocation = backend.allocate(n * 4);
  backend.write(allocation, new Float32Array(n).fill(value));
  return allocation;
}

const sameBytes = (actual: HostArray, expected: HostArray) =>
  Buffer.from(actual.buffer, actual.byteOffset, actual.byteLength).equals(
    Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength),
  );

let adapter = "";
afterAll(() => console.log(`WebGPU adapter: ${adapter}`));

describe("opening", () => {
  test("there is an adapter, and the kernels are chosen for it", async () => {
    const backend = await open();
    adapter = `${backend.info.description} (${backend.info.device})`;
    expect(adapter).not.toBe(" ()");
    expect(backend.software).toBe(backend.info.isFallbackAdapter);
    expect((await open({ software: false })).software).toBe(false);
    expect(backend.name).toBe("webgpu");
  });

  test("without WebGPU or an adapter an error says what to do", async () => {
    await expect(webgpu()).rejects.toThrow("[webgpu] there is no navigator.gpu here. In Node install the npm package");
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(webgpu({ gpu: none })).rejects.toThrow("[webgpu] no GPU adapter was found");
  });

  test("webgpuFor takes a GPU for large models alone, and never a processor that plays one", async () => {
    const gpu = await softwareGpu();
    const posing = (isFallbackAdapter: boolean) =>
      ({
        async requestAdapter() {
          const found = (await gpu.requestAdapter())!;
          return {
            info: { isFallbackAdapter, description: "a GPU" },
            features: found.features,
            limits: found.limits,
            requestDevice: (descriptor: GPUDeviceDescriptor) => found.requestDevice(descriptor),
          };
        },
      }) as unknown as GPU;
    const hardware = posing(false);
    expect(await webgpuFor(99_999, { gpu: hardware })).toBeUndefined();
    expect(await webgpuFor(1e6, { gpu: posing(true) })).toBeUndefined();
    expect(await webgpuFor(1e6)).toBeUndefined();
    const backend = (await webgpuFor(100_000, { gpu: hardware }))!;
    opened.push(backend);
    expect(backend.software).toBe(false);
  });
});

describe("order", () => {
  test("what is written is read back, of every type and at every size", async () => {
    const backend = await open();
    for (const n of [0, 1, 3, 64, 1000, 100_001]) {
      for (const type of [Float32Array, Int32Array, Uint8Array]) {
        const data = new type(n);
        for (let i = 0; i < n; i++) data[i] = i * 7 + 1;
        const allocation = backend.allocate(data.byteLength);
        backend.write(allocation, data);
        expect(sameBytes(await backend.read(allocation, new type(n)), data)).toBe(true);
      }
    }
    const allocation = backend.allocate(16);
    backend.write(allocation, Float32Array.from([1, 2, 3, 4, 5, 6]).subarray(1, 5));
    const into = new Float32Array(8);
    await backend.read(allocation, into.subarray(2, 6));
    expect([...into]).toEqual([0, 0, 2, 3, 4, 5, 0, 0]);
  });

  test("forty submissions at once run in order, with the data and scalars they were given", async () => {
    const backend = await open();
    const n = 5000;
    const cell = filled(backend, n, 0);
    const [add, store] = [backend.compile(addScalar(n)), backend.compile(storeUpload(n))];
    const upload = new Float32Array(n);
    const values = new Int32Array(1);
    const pending = [];
    let expected = 0;
    for (let i = 0; i < 40; i++) {
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
    upload.fill(-1);
    values.fill(-1);
    expect(sameBytes(await backend.read(cell, new Float32Array(n)), new Float32Array(n).fill(expected))).toBe(true);
    expect(await Promise.all(pending)).toEqual(new Array(40).fill(undefined));
  });

  test("reads and writes keep their place, and released memory is only reused behind what reads it", async () => {
    const backend = await open();
    const n = 50_000;
    const cell = filled(backend, n, 1);
    const add = backend.compile(slow(n, 3));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    for (let i = 0; i < 4; i++) void backend.submit(add, submission);
    const before = backend.read(cell, new Float32Array(n));
    backend.write(cell, new Float32Array(n).fill(100));
    void backend.submit(add, submission);
    const after = backend.read(cell, new Float32Array(n));
    const source = filled(backend, n, 7);
    const target = backend.allocate(n * 4);
    const copied = backend.submit(backend.compile(addInto(n)), {
      bound: [source, target],
      uploads: [],
      scalars: scalars(0.5),
    });
    backend.release(source);
    const other = filled(backend, n, -3);
    await copied;
    expect([(await before)[n - 1], (await after)[0]]).toEqual([5, 101]);
    expect((await backend.read(target, new Float32Array(n)))[9]).toBe(7.5);
    expect((await backend.read(other, new Float32Array(n)))[9]).toBe(-3);
  });

  test("a read under way holds up no submission, and at most two submissions are with the device", async () => {
    const backend = await open();
    const n = 200_000;
    const cell = filled(backend, n, 0);
    const step = backend.compile(slow(n, 4));
    // Its kernels are made before: what needs them waits for them otherwise.
    await backend.submit(step, { bound: [cell], uploads: [], scalars: scalars(0) });
    await new Promise((resolve) => setTimeout(resolve));
    const order: string[] = [];
    const encode = backend.device.createCommandEncoder.bind(backend.device);
    let [encoded, finished, most] = [0, 0, 0];
    backend.device.createCommandEncoder = () => {
      const encoder = encode();
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = () => {
        encoded++;
        most = Math.max(most, encoded - finished);
        return begin();
      };
      return encoder;
    };
    const steps = [0, 1, 2, 3, 4, 5].map(async (i) => {
      const started = backend.submit(step, { bound: [cell], uploads: [], scalars: scalars(1) });
      const read = backend.read(cell, new Float32Array(n)).then((data) => order.push(`read ${i}: ${data[0]}`));
      await started;
      finished++;
      await read;
    });
    // Nothing was awaited: the second step went off behind the read of the first.
    expect(encoded).toBe(2);
    await Promise.all(steps);
    expect(encoded).toBe(6);
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5].map((i) => `read ${i}: ${i + 1}`));
  });
});

describe("memory", () => {
  test("is counted, spread over chunks, freed and given back", async () => {
    const backend = await open();
    const n = 3_000_000;
    const cells = [1, 2, 3, 4].map((value) => filled(backend, n, value));
    expect(backend.memory().allocatedBytes).toBe(4 * n * 4);
    const add = backend.compile(addInto(n));
    // Chunks hold two of these at most: kernels bind several.
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 0],
    ] as const)
      await backend.submit(add, { bound: [cells[from]!, cells[to]!], uploads: [], scalars: scalars(1) });
    for (const [i, cell] of cells.entries())
      expect((await backend.read(cell, new Float32Array(n)))[n - 1]).toBe([5, 2, 3, 4][i]);
    for (const cell of cells) backend.release(cell);
    expect(backend.memory().allocatedBytes).toBe(0);
    backend.freeMemory();
    expect(backend.memory().scratchBytes).toBe(0);
    expect(() => backend.release(cells[0]!)).toThrow("released twice");
  });

  test("the budget gives a typed error with advice, and the backend stays usable", async () => {
    const backend = await open({ budgetBytes: 2 ** 20 });
    const n = 1000;
    const cell = filled(backend, n, 1);
    expect(() => backend.allocate(2 ** 20)).toThrow(OutOfMemoryError);
    expect(() => backend.allocate(2 ** 20)).toThrow(/\[memory\] out of memory: 1.00 MiB asked, .* Use a smaller batch/);
    const huge: Plan = { ...addScalar(n), scratchBytes: 2 ** 20 };
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    // At once, so that whoever submits can undo what it prepared.
    expect(() => backend.submit(backend.compile(huge), submission)).toThrow(OutOfMemoryError);
    await backend.submit(backend.compile(addScalar(n)), submission);
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(2);
  });

  test("a tensor that no buffer holds is refused with its size", async () => {
    const backend = await open();
    const { maxBufferSize } = backend.device.limits;
    expect(() => backend.allocate(2 * maxBufferSize)).toThrow(
      `[webgpu] ${2 * maxBufferSize} bytes in one piece, but a buffer of this device holds at most ${maxBufferSize}. Use a smaller batch`,
    );
  });
});

describe("faults", () => {
  test("a fault is reported and later submissions start without it", async () => {
    const backend = await open();
    const n = 100;
    const checked = backend.compile(checkedAdd(n));
    const [data, result] = [filled(backend, n, 1), filled(backend, n, 0)];
    const submission = { bound: [data, result], uploads: [], scalars: scalars(1) };
    expect(await backend.submit(checked, submission)).toBeUndefined();
    backend.write(data, new Float32Array(n).fill(2).fill(Number.NaN, 50, 51));
    expect(await backend.submit(checked, submission)).toEqual({ fault: "nonFinite", group: 0, value: 0 });
    expect((await backend.read(result, new Float32Array(n)))[0]).toBe(2);
    backend.write(data, new Float32Array(n).fill(4));
    expect(await backend.submit(checked, submission)).toBeUndefined();
    expect((await backend.read(result, new Float32Array(n)))[0]).toBe(5);
  });

  test("a lost device gives typed errors with advice, and a new one works", async () => {
    const backend = await open();
    const n = 1000;
    const cell = filled(backend, n, 1);
    const step = backend.compile(slow(n, 2));
    const pending = backend.submit(step, { bound: [cell], uploads: [], scalars: scalars(1) });
    const read = backend.read(cell, new Float32Array(n));
    backend.device.destroy();
    await Promise.all([expect(read).rejects.toThrow(DeviceLostError), pending.catch(() => {})]);
    await backend.device.lost;
    expect(() => backend.allocate(4)).toThrow(/\[webgpu\] the GPU device was lost: .* use a smaller batch/);
    const other = await open();
    const again = filled(other, n, 1);
    await other.submit(other.compile(slow(n, 2)), { bound: [again], uploads: [], scalars: scalars(1) });
    expect((await other.read(again, new Float32Array(n)))[0]).toBe(2);
  });

  test("closing waits for what runs, and a closed backend says so", async () => {
    const backend = await open();
    const n = 50_000;
    const cell = filled(backend, n, 0);
    const executable = backend.compile(slow(n, 3));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    const pending = [1, 2, 3, 4].map(() => backend.submit(executable, submission));
    const result = backend.read(cell, new Float32Array(n));
    await backend.close();
    expect(await Promise.all(pending)).toEqual(new Array(4).fill(undefined));
    expect((await result)[n - 1]).toBe(4);
    expect(() => backend.allocate(1)).toThrow("[backend] the webgpu backend is closed");
    await backend.close();
  });
});
