import { describe, expect, test } from "vitest";
import { type AugmentOptions, augmentation, type Change, copyChanged } from "../src/data/augment.js";

const still: Change = { flip: false, flipVertical: false, dx: 0, dy: 0, padding: "reflect", region: undefined };

/** A 3 x 3 picture whose pixels are 1 to 9, changed, as its numbers row after row. */
function changed(change: Partial<Change>): string {
  const picture = Uint8Array.from({ length: 27 }, (_, i) => Math.floor(i / 3) + 1);
  const out = new Uint8Array(30).fill(99);
  copyChanged(picture, out, 3, { size: 3, change: { ...still, ...change } });
  expect([...out.subarray(0, 3)]).toEqual([99, 99, 99]);
  const pixels = Array.from({ length: 9 }, (_, i) => out.subarray(3 + i * 3, 6 + i * 3));
  for (const [r, g, b] of pixels) expect([g, b]).toEqual([r, r]);
  return pixels
    .map(([r]) => (r === 255 ? "w" : r))
    .join("")
    .replace(/(...)(?=.)/g, "$1 ");
}

describe("copyChanged moves whole pixels", () => {
  test.each([
    [{}, "123 456 789"],
    [{ flip: true }, "321 654 987"],
    [{ flipVertical: true }, "789 456 123"],
    [{ flip: true, flipVertical: true }, "987 654 321"],
    [{ dx: 1 }, "212 545 878"],
    [{ dx: -1 }, "232 565 898"],
    [{ dx: 2 }, "321 654 987"],
    [{ dy: 1 }, "456 123 456"],
    [{ dy: -2 }, "789 456 123"],
    [{ dx: 1, padding: "replicate" }, "112 445 778"],
    [{ dx: -2, padding: "replicate" }, "333 666 999"],
    [{ dy: 2, padding: "replicate" }, "123 123 123"],
    [{ dx: 1, dy: -1, padding: "white" }, "w45 w78 www"],
    [{ dx: 1, flip: true, padding: "white" }, "21w 54w 87w"],
  ] as [Partial<Change>, string][])("%o -> %s", (change, expected) => {
    expect(changed(change)).toBe(expected);
  });
});

describe("augmentation", () => {
  const draw = (options: AugmentOptions, { size = 48, seed = 3 } = {}) => {
    const augment = augmentation(options, { size, seed });
    return Array.from({ length: 4000 }, (_, i) => augment(i % 1000, Math.floor(i / 1000)));
  };
  const share = (changes: Change[], test: (change: Change) => boolean) => changes.filter(test).length / changes.length;

  test("the same seed, epoch and picture give the same change, whatever was drawn before; others differ", () => {
    const all: AugmentOptions = { flip: true, flipVertical: true, shift: 0.25, crop: true };
    const [a, b] = [augmentation(all, { size: 48, seed: 3 }), augmentation(all, { size: 48, seed: 3 })];
    b(7, 0);
    expect(b(5, 2)).toEqual(a(5, 2));
    const others = [a(6, 2), a(5, 3), augmentation(all, { size: 48, seed: 4 })(5, 2)];
    for (const other of others) expect(other).not.toEqual(a(5, 2));
  });

  test("flips as often as asked", () => {
    expect(share(draw({ flip: true }), ({ flip }) => flip)).toBeCloseTo(0.5, 1);
    expect(share(draw({ flip: 0.1 }), ({ flip }) => flip)).toBeCloseTo(0.1, 1);
    expect(share(draw({ flipVertical: 1 }), ({ flipVertical }) => flipVertical)).toBe(1);
    expect(draw({})).toEqual(draw({}).map(() => still));
  });

  test("shifts reach as far as asked, evenly in all directions", () => {
    const changes = draw({ shift: 0.1 });
    for (const axis of ["dx", "dy"] as const) {
      const moves = changes.map((change) => change[axis]);
      expect([Math.min(...moves), Math.max(...moves)]).toEqual([-5, 5]);
      for (let move = -5; move <= 5; move++)
        expect(moves.filter((m) => m === move).length / 4000).toBeCloseTo(1 / 11, 1);
    }
    expect(Math.max(...draw({ shift: 0.999 }, { size: 8 }).map(({ dx }) => dx))).toBe(7);
  });

  test("crops lie within the picture, with the area and shape asked for", () => {
    const regions = draw({ crop: { area: [0.25, 0.5], ratio: [0.8, 1.25] } }).map(({ region }) => region!);
    for (const { left, top, width, height } of regions) {
      expect(left >= 0 && top >= 0 && left + width <= 1 + 1e-12 && top + height <= 1 + 1e-12).toBe(true);
      expect(width * height).toBeGreaterThanOrEqual(0.25 - 1e-9);
      expect(width * height).toBeLessThanOrEqual(0.5 + 1e-9);
      expect(width / height).toBeGreaterThanOrEqual(0.8 - 1e-9);
      expect(width / height).toBeLessThanOrEqual(1.25 + 1e-9);
    }
  });

  test.each([
    [{ flip: 2 }, "flip is 2, expected a probability from 0 to 1."],
    [{ shift: 1 }, "shift is 1, expected a share of the picture's side, from 0 to below 1."],
    [{ crop: { area: [0, 1] } }, "crop area is [0, 1], expected two shares, above 0 and up to 1."],
    [{ crop: { ratio: [2, 1] } }, "crop ratio is [2, 1], expected two numbers above 0, the smaller first."],
  ] as [AugmentOptions, string][])("%o is refused", (options, says) => {
    expect(() => augmentation(options, { size: 8, seed: 0 })).toThrow(`[augment] ${says}`);
  });
});
