import { afterEach, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import type { Plan } from "../../src/backend.js";
import { DeviceLostError, KernelError } from "../../src/backends/webgpu/errors.js";
import { type WebGpuOptions, webgpu } from "../../src/backends/webgpu/webgpu.js";
import type { WebGpuBackend } from "../../src/backends/webgpu/webgpuBackend.js";
import { Parameter } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { OutOfMemoryError } from "../../src/memory.js";
import { rand, tensor } from "../../src/ops/generate.js";
import { realize, use } from "../../src/realize.js";
import { addInto, addScalar, scalars } from "../runtime/plans.js";
import { softwareGpu } from "./softwareGpu.js";

// Kernels that are still being compiled or cannot be, memory that the device does not have, and devices that go away.

const opened: WebGpuBackend[] = [];
async function open(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const backend = await webgpu({ gpu: await softwareGpu(), ...options });
  opened.push(backend);
  return backend;
}
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close();
});

/** A device that has no memory for buffers of more than `bytes` (while `full.on`): they are invalid, as a driver's failure leaves them. */
function starve(device: GPUDevice, bytes: number): { on: boolean; refused: number[] } {
  const full = { on: true, refused: [] as number[] };
  const create = device.createBuffer.bind(device);
  const pop = device.popErrorScope.bind(device);
  let failed = false;
  device.createBuffer = (descriptor) => {
    if (!full.on || descriptor.size <= bytes) return create(descriptor);
    full.refused.push(descriptor.size);
    failed = true;
    device.pushErrorScope("validation");
    const invalid = create({ ...descriptor, size: device.limits.maxBufferSize + 4 });
    void pop();
    return invalid;
  };
  device.popErrorScope = async () => {
    const error = failed ? ({ message: "no memory" } as GPUError) : undefined;
    failed = false;
    const found = await pop();
    return error ?? found;
  };
  return full;
}

describe("pipelines", () => {
  test("are made while the event loop turns, equal ones once, and submissions keep their order", async () => {
    const backend = await open();
    const n = 1000;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n));
    let made = 0;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const create = backend.device.createComputePipelineAsync.bind(backend.device);
    backend.device.createComputePipelineAsync = async (descriptor) => {
      made++;
      await gate;
      return create(descriptor);
    };
    const order: string[] = [];
    const [first, second] = [backend.compile(addScalar(n)), backend.compile(addScalar(n))];
    const [one, two] = [scalars(1), scalars(2)];
    const submitted = [
      backend.submit(first, { bound: [cell], uploads: [], scalars: one }).then(() => order.push("first")),
      backend.submit(second, { bound: [cell], uploads: [], scalars: two }).then(() => order.push("second")),
    ];
    const before = backend.read(cell, new Float32Array(n));
    backend.write(cell, new Float32Array(n).fill(100));
    submitted.push(backend.submit(first, { bound: [cell], uploads: [], scalars: one }).then(() => order.push("third")));
    const after = backend.read(cell, new Float32Array(n));
    for (const given of [one, two]) given.fill(-1);
    // Nothing can finish, but the event loop turns.
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(order).toEqual([]);
    expect(made).toBe(2); // a plan's two kernels; the second plan shares them
    release();
    await Promise.all(submitted);
    expect(order).toEqual(["first", "second", "third"]);
    expect([(await before)[n - 1], (await after)[n - 1]]).toEqual([3, 101]);
    expect(made).toBe(2);
  });

  test("a first step leaves the event loop turning", async () => {
    use(await open());
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const x = rand([64, 64]);
    const kernels = Array.from({ length: 12 }, (_, i) =>
      x
        .matmul(x.add(i).reshape([64, 64]))
        .exp()
        .sum(i % 2),
    );
    const turnsAtStart = turns;
    await realize(...kernels);
    clearInterval(timer);
    // The kernels take a processor some hundred milliseconds: were they compiled in one go, no turn would fit in.
    expect(turns - turnsAtStart).toBeGreaterThan(2);
  });

  test("a kernel that the driver refuses is named, and the backend stays usable", async () => {
    const backend = await open();
    const n = 1000;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n).fill(1));
    const create = backend.device.createShaderModule.bind(backend.device);
    backend.device.createShaderModule = (descriptor) => create({ ...descriptor, code: `${descriptor.code} nonsense` });
    const step = backend.compile(addScalar(n));
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    const failed = backend.submit(step, submission);
    await expect(failed).rejects.toThrow(KernelError);
    await expect(failed).rejects.toThrow(/\[webgpu\] the kernel of add could not be compiled: .*nonsense/s);
    backend.device.createShaderModule = create;
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(1);
    await backend.submit(step, submission);
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(2);
  });
});

describe("memory", () => {
  test("that the device does not have fails the step alone: what was kept is intact, and a smaller step runs", async () => {
    const backend = await open();
    const n = 1000;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n).fill(1));
    await backend.submit(backend.compile(addScalar(n)), { bound: [cell], uploads: [], scalars: scalars(1) });
    const full = starve(backend.device, 20 * 2 ** 20);
    const { scratchBytes } = backend.memory();
    const huge: Plan = { ...addScalar(n), scratchBytes: 64 * 2 ** 20 };
    const submission = { bound: [cell], uploads: [], scalars: scalars(1) };
    const failed = backend.submit(backend.compile(huge), submission);
    const behind = backend.submit(backend.compile(addInto(n)), { ...submission, bound: [cell, cell] });
    await expect(failed).rejects.toThrow(OutOfMemoryError);
    await expect(failed).rejects.toThrow(/\[memory\] out of memory: 64 MiB asked, .*\. Use a smaller batch/);
    await behind;
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(3);
    const [first, second] = full.refused as [number, number];
    expect(second).toBe(64 * 2 ** 20); // asked for once more, without what would have been to spare
    expect(first).toBeGreaterThan(second);
    expect(backend.memory().scratchBytes).toBeLessThanOrEqual(scratchBytes + 2 ** 20);
    await backend.submit(backend.compile({ ...huge, scratchBytes: 2 ** 20 }), submission);
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(4);
    full.on = false;
    await backend.submit(backend.compile(huge), submission);
    expect((await backend.read(cell, new Float32Array(n)))[0]).toBe(5);
  });

  test("is asked for again without what would have been to spare", async () => {
    const backend = await open();
    const full = starve(backend.device, 10 * 2 ** 20);
    const n = 2 ** 20;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n).fill(1));
    await backend.submit(backend.compile(addScalar(n)), { bound: [cell], uploads: [], scalars: scalars(1) });
    expect((await backend.read(cell, new Float32Array(n)))[n - 1]).toBe(2);
    expect(full.refused[0]).toBe(16 * 2 ** 20);
  });

  test("a parameter that shared memory which never came to be gets another place", async () => {
    const backend = await open();
    const full = starve(backend.device, 2 ** 20);
    const [large, small] = [backend.allocate(2 ** 22), backend.allocate(64)];
    backend.write(small, new Float32Array(16).fill(7));
    await expect(backend.read(large, new Float32Array(4))).rejects.toThrow(OutOfMemoryError);
    expect((await backend.read(small, new Float32Array(16)))[3]).toBe(7);
    expect(full.refused.length).toBeGreaterThan(0);
  });

  test("a read whose staging buffer the device cannot make fails alone", async () => {
    const backend = await open();
    const n = 2 ** 20;
    const cell = backend.allocate(n * 4);
    backend.write(cell, new Float32Array(n).fill(1));
    expect((await backend.read(cell, new Float32Array(4)))[0]).toBe(1);
    const full = starve(backend.device, 2 ** 20);
    await expect(backend.read(cell, new Float32Array(n))).rejects.toThrow(OutOfMemoryError);
    expect((await backend.read(cell, new Float32Array(4)))[0]).toBe(1);
    full.on = false;
    expect((await backend.read(cell, new Float32Array(n)))[n - 1]).toBe(1);
  });

  test("through tensors: a step that is too large fails, the next one trains on", async () => {
    const backend = await open();
    use(backend);
    const weight = new Parameter(tensor([1, 2, 3]), "weight");
    const step = (rows: number) => {
      const loss = rand([rows, 3]).mul(0).add(1).mul(weight.value).exp().sum(0).div(rows).sum();
      const [g] = gradients(loss, [weight]);
      weight.set(weight.value.sub(g!.mul(0.1)));
      return loss;
    };
    const first = await step(4).item();
    expect(first).toBeCloseTo(Math.exp(1) + Math.exp(2) + Math.exp(3), 4);
    const full = starve(backend.device, 16 * 2 ** 20);
    const kept = weight.value;
    await realize(kept.add(0));
    const before = await weight.value.data();
    await expect(realize(rand([5_000_000, 3]).sort().values)).rejects.toThrow(OutOfMemoryError);
    expect(full.refused.length).toBeGreaterThan(0);
    expect([...(await weight.value.data())]).toEqual([...before]);
    expect(await step(4).item()).toBeLessThan(first);
  });
});

describe("a lost device", () => {
  test("gives typed errors wherever tensors are asked for, and training goes on from a checkpoint on a new one", async () => {
    const backend = await open();
    use(backend);
    const weight = new Parameter(tensor([4, -2]), "weight");
    const step = () => {
      const loss = weight.value.square().sum();
      const [g] = gradients(loss, [weight]);
      weight.set(weight.value.sub(g!.mul(0.1)));
      return loss;
    };
    await step().item();
    const checkpoint = await weight.value.data();
    const pending = step().item();
    backend.device.destroy();
    await backend.device.lost;
    await pending.catch((error) => expect(error).toBeInstanceOf(DeviceLostError));
    await expect(step().item()).rejects.toThrow(DeviceLostError);
    await expect(weight.value.data()).rejects.toThrow(
      /was lost: .* Open a new one with use\(await webgpu\(\)\) and load the last checkpoint/,
    );

    use(await open());
    weight.load(tensor(checkpoint, { shape: [2] }));
    const loss = await step().item();
    expect(loss).toBeCloseTo((4 * 0.8) ** 2 + (2 * 0.8) ** 2, 4);
    expect((await weight.value.data())[0]).toBeCloseTo(4 * 0.8 * 0.8, 5);
  });
});
