import { tensor } from "@fai/tensor";
import { byId, make } from "./element.js";
import { type DeviceChoice, openDevice } from "./openDevice.js";
import { Pad } from "./pad.js";
import { loadSketchPredictor, type SketchPredictor } from "./sketchNet.js";
import { size } from "./strokes.js";

let predictor: SketchPredictor | undefined;
let busy = false;
const pad = new Pad(byId<HTMLCanvasElement>("pad"), predict);

/** Says what is on the pad; while an answer is on its way, changes wait for it. */
async function predict(): Promise<void> {
  byId("pad-hint").hidden = pad.content !== undefined;
  if (!predictor || busy) return;
  busy = true;
  for (let asked: string | undefined; asked !== now(); ) {
    asked = now();
    const { content } = pad;
    if (content) {
      const probabilities = await predictor.predict(tensor(content.pixels, { shape: [1, size, size, 3] }));
      show(await probabilities.data());
    } else show([]);
  }
  busy = false;
}

function now(): string {
  return pad.content?.pixels.join() ?? "";
}

function show(probabilities: ArrayLike<number>): void {
  const { classes } = predictor!.preparation;
  const lines = classes.map((name, i) => {
    const bar = make("i");
    bar.style.transform = `scaleX(${probabilities[i] ?? 0})`;
    const said = probabilities[i] === undefined ? "" : `${Math.round(100 * probabilities[i])} %`;
    const line = make(
      "li",
      {},
      make("b", {}, name),
      make("div", { className: "bar" }, bar),
      make("span", { className: "percent" }, said),
    );
    line.style.setProperty("--color", `var(--c${i % 8})`);
    return line;
  });
  byId("answers").replaceChildren(...lines);
}

async function open(source: Uint8Array | URL): Promise<void> {
  try {
    predictor = await loadSketchPredictor(source);
    byId("notice").textContent =
      `A model from a file knows ${predictor.preparation.classes.join(", ")}. Draw one of them.`;
    document.documentElement.dataset.state = "loaded";
    show([]);
    await predict();
  } catch (error) {
    byId("notice").textContent = error instanceof Error ? error.message : String(error);
  }
}

byId("clear").addEventListener("click", () => pad.clear());
byId<HTMLInputElement>("load").addEventListener("change", async ({ target }) => {
  const file = (target as HTMLInputElement).files?.[0];
  if (file) await open(new Uint8Array(await file.arrayBuffer()));
});

await openDevice((new URLSearchParams(location.search).get("device") ?? "auto") as DeviceChoice);
// What Node trained and saved: `npm run example -- browser` puts it beside this page.
await open(new URL("./shapes.safetensors", location.href));
