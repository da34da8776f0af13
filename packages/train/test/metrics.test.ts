import { tensor } from "@fai/tensor";
import { expect, test } from "vitest";
import { accuracy } from "../src/metrics.js";

const output = tensor([
  [0.1, 0.7, 0.2],
  [0.9, 0.05, 0.05],
  [0.3, 0.3, 0.4],
  [0.5, 0.5, 0],
]);

test.each(["i32", "u8"] as const)(
  "accuracy counts outputs whose largest element is the target's, %s",
  async (dtype) => {
    expect(await accuracy(output, tensor([1, 0, 1, 0], { dtype })).item()).toBe(0.75);
  },
);

test("accuracy of sequences", async () => {
  expect(await accuracy(output.reshape(2, 2, 3), tensor([1, 1, 2, 0], { dtype: "i32", shape: [2, 2] })).item()).toBe(
    0.75,
  );
});

test("accuracy of probabilities is an error", () => {
  expect(() => accuracy(output, tensor([1, 0, 1, 0]))).toThrow(
    '[accuracy] targets have dtype f32, expected class indices. Convert them with target.cast("i32")?',
  );
});
