import { describe, expect, test } from "vitest";
import { Interpretation } from "../src/interpret.js";

const classes = ["cat", "dog", "emu"];
// Rows: right, wrong and sure, wrong and unsure, right and unsure, wrong.
const probabilities = [0.9, 0.05, 0.05, 0.01, 0.98, 0.01, 0.3, 0.4, 0.3, 0.2, 0.2, 0.6, 0.7, 0.2, 0.1];
const targets = [0, 0, 0, 2, 1];

describe("Interpretation", () => {
  const found = new Interpretation({ probabilities, targets, classes });

  test("the confusion matrix counts truth by row, prediction by column", () => {
    expect(found.confusionMatrix).toEqual([
      [1, 2, 0],
      [1, 0, 0],
      [0, 0, 1],
    ]);
    expect(found.accuracy).toBe(0.4);
  });

  test("classes that are confused, most often first", () => {
    expect(found.mostConfused()).toEqual([
      { truth: "cat", prediction: "dog", count: 2 },
      { truth: "dog", prediction: "cat", count: 1 },
    ]);
    expect(found.mostConfused(2)).toHaveLength(1);
  });

  test("the most wrong, the most right, the least certain", () => {
    const wrong = found.mostWrong();
    expect(wrong.map(({ index }) => index)).toEqual([1, 4, 2]);
    expect(wrong[0]).toEqual({ index: 1, truth: "cat", prediction: "dog", probability: 0.98, loss: -Math.log(0.01) });
    expect(found.mostWrong(1)).toHaveLength(1);
    expect(found.mostRight().map(({ index }) => index)).toEqual([0, 3]);
    expect(found.mostUncertain(2).map(({ index }) => index)).toEqual([2, 3]);
  });

  test("ties go to the first class and the first row; rows may be numbered by their place in a larger set", () => {
    const even = new Interpretation({
      probabilities: [0.5, 0.5, 0.5, 0.5],
      targets: [1, 1],
      classes: ["a", "b"],
      indices: [7, 9],
    });
    expect(even.mostWrong().map(({ index, prediction }) => [index, prediction])).toEqual([
      [7, "a"],
      [9, "a"],
    ]);
  });

  test("what does not go together is refused", () => {
    expect(() => new Interpretation({ probabilities, targets: [0, 1], classes })).toThrow(
      "[Interpretation] 15 probabilities for 2 rows of 3 classes",
    );
    expect(() => new Interpretation({ probabilities: [1, 0], targets: [5], classes: ["a", "b"] })).toThrow(
      "row 0 is of class 5, and there are 2 classes.",
    );
  });
});
