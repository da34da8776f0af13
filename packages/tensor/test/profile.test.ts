import { afterAll, expect, test } from "vitest";
import { NullBackend } from "../src/backends/null/null.js";
import { ones, take, tensor } from "../src/index.js";
import { profile } from "../src/profile.js";
import { realize, use } from "../src/realize.js";
import { cpuBackends } from "./runtime/backends.js";

const opened = cpuBackends.map(([name, open]) => [name, open()] as const);
afterAll(() => Promise.all(opened.map(([, backend]) => backend.close())));

test.each(opened)("%s times every kernel, and computes the same", async (_, backend) => {
  use(backend);
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const step = () => x.matmul(x).add(1).sum().item();
  const plain = await step();
  const found = await profile(async () => {
    expect(await step()).toBe(plain);
    expect(await step()).toBe(plain);
  });
  expect(found.kernels.every(({ calls }) => calls === 2)).toBe(true);
  expect(found.kernels.some(({ kernel }) => kernel.startsWith("matmul"))).toBe(true);
  expect(found.milliseconds).toBeCloseTo(found.kernels.reduce((sum, row) => sum + row.milliseconds, 0));
  expect(found.report(1).split("\n")).toHaveLength(2);
});

test.each(opened)(
  "%s: a fault keeps its place, and kernels run as usual after work that throws",
  async (_, backend) => {
    use(backend);
    const wrong = () => realize(take(ones([3, 2]), tensor([7], { dtype: "i32" })).mul(2));
    await expect(profile(wrong)).rejects.toThrow("index 7 is out of range for axis 0 of [3, 2]");
    const after = await profile(() => ones([2]).add(1).data());
    expect(after.kernels).toHaveLength(1);
  },
);

test("a backend without times says so", async () => {
  use(new NullBackend());
  await expect(profile(async () => {})).rejects.toThrow("[profile] the null backend cannot time its kernels.");
});
