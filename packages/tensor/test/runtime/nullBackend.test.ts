import { expect, test } from "vitest";
import { NullBackend } from "../../src/backends/null/null.js";
import { scalars, storeUpload } from "./plans.js";

test("the null backend records, counts and reads zeros", async () => {
  const backend = new NullBackend();
  const plan = storeUpload(4);
  const cell = backend.allocate(16);
  backend.write(cell, Float32Array.of(1, 2, 3, 4));
  const upload = Float32Array.of(5, 6, 7, 8);
  const executable = backend.compile({ ...plan, scratchBytes: 640 });
  await backend.submit(executable, { bound: [cell], uploads: [upload], scalars: scalars(2) });
  upload.fill(0);
  expect(backend.submissions).toEqual([
    {
      plan: { ...plan, scratchBytes: 640 },
      bound: [cell],
      uploads: [Float32Array.of(5, 6, 7, 8)],
      scalars: scalars(2),
    },
  ]);
  expect(await backend.read(cell, new Float32Array(4).fill(9))).toEqual(new Float32Array(4));
  expect(backend.memory()).toEqual({ allocatedBytes: 16, scratchBytes: 640 });
  backend.freeMemory();
  backend.release(cell);
  expect(backend.memory()).toEqual({ allocatedBytes: 0, scratchBytes: 0 });
  expect(() => backend.release(cell)).toThrow("released twice");
  await expect(backend.submit(executable, { bound: [cell], uploads: [upload], scalars: scalars(2) })).rejects.toThrow(
    "released allocation",
  );
  await backend.close();
  expect(() => backend.allocate(1)).toThrow("[backend] the null backend is closed");
});
