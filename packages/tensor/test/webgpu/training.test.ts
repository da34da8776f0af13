import { afterAll, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { openCpuSync } from "../../src/backends/cpu/select.node.js";
import { webgpu } from "../../src/backends/webgpu/webgpu.js";
import { tensor } from "../../src/ops/generate.js";
import { profile } from "../../src/profile.js";
import { realize, use } from "../../src/realize.js";
import { losses, trainer } from "./convBnTrainer.js";
import { softwareGpu } from "./softwareGpu.js";

const gpu = await webgpu({ gpu: await softwareGpu() });
const cpu = openCpuSync();
afterAll(() => Promise.all([gpu.close(), cpu.close()]));

describe("training on WebGPU", () => {
  test("20 steps of a convolutional net with batch norm give the losses of the CPU to 1e-3", async () => {
    const [expected, found] = [await losses(cpu, 20), await losses(gpu, 20)];
    expect(expected[19]!).toBeLessThan(expected[0]! * 0.8);
    expected.forEach((loss, i) => {
      expect(Math.abs(found[i]! - loss) / loss, `step ${i}: ${found[i]} instead of ${loss}`).toBeLessThan(1e-3);
    });
  });

  test("200 steps hold no more memory than the first five", async () => {
    use(gpu);
    const step = trainer(1, 2);
    const late: Promise<number>[] = [];
    let after5 = gpu.memory();
    for (let i = 0; i < 200; i++) {
      // Two steps late, so that nothing stalls.
      late.push(step().item());
      if (i >= 2) await late[i - 2];
      if (i === 5) {
        await Promise.all(late);
        after5 = gpu.memory();
      }
    }
    await Promise.all(late);
    const { allocatedBytes, scratchBytes } = gpu.memory();
    expect(allocatedBytes).toBeLessThanOrEqual(after5.allocatedBytes);
    expect(allocatedBytes + scratchBytes).toBe(after5.allocatedBytes + after5.scratchBytes);
  });

  test("profile() names the kernels of a step by the time they took", async () => {
    use(gpu);
    const step = trainer(3);
    await step().item();
    const { kernels, milliseconds } = await profile(() => step().item());
    expect(kernels.some(({ kernel }) => kernel.includes("conv2dWeight"))).toBe(true);
    expect(kernels.every((row) => row.milliseconds >= 0 && row.calls > 0)).toBe(true);
    expect(milliseconds).toBeGreaterThan(0);
  });

  test("1,000 kept tensors of 1 MB, forgotten one after the other, stay within 256 MB", async () => {
    const small = await webgpu({ gpu: await softwareGpu(), budgetBytes: 256 * 2 ** 20 });
    use(small);
    const scale = tensor([1]);
    for (let i = 0; i < 1000; i++) {
      await realize(
        scale
          .mul(i)
          .expand([2 ** 18])
          .add(0.5),
      );
      await new Promise((resolve) => setTimeout(resolve));
    }
    const { allocatedBytes, scratchBytes } = small.memory();
    expect(allocatedBytes + scratchBytes).toBeLessThanOrEqual(256 * 2 ** 20);
    await small.close();
  });
});
