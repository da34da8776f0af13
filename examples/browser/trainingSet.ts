import type { SketchClass } from "./classRows.js";
import type { Sketch } from "./sketchData.js";

/** Most classes of the page: as many as there are colors. */
export const mostClasses = 8;

/** What a class needs before training makes sense. */
const leastExamples = 3;

/** Every fifth drawing of a class is held out: the network never trains on it. */
export function splitExamples(classes: readonly SketchClass[]): { train: Sketch[]; valid: Sketch[] } {
  const all = classes.flatMap(({ examples }, label) =>
    examples.map((pixels, i) => ({ sketch: { pixels, label }, held: i % 5 === 4 })),
  );
  return {
    train: all.filter(({ held }) => !held).map(({ sketch }) => sketch),
    valid: all.filter(({ held }) => held).map(({ sketch }) => sketch),
  };
}

/** What is missing before training can begin, in words; empty when nothing is. */
export function missing(classes: readonly SketchClass[]): string {
  const nameless = classes.findIndex(({ name }) => name.trim() === "");
  if (nameless >= 0) return `Class ${nameless + 1} needs a name.`;
  const few = classes.filter(({ examples }) => examples.length < leastExamples);
  if (few.length === 0) return "";
  const said = few.map(({ name, examples }) => `${name} has ${examples.length || "none"}`);
  return `Training needs ${leastExamples} drawings of each class: ${said.join(", ")}.`;
}

/** Offers bytes as a file to download. */
export function download(bytes: Uint8Array, name: string): void {
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  // The download reads the address a little later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
