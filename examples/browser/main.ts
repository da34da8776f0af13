import { Generator } from "@fai/tensor";
import { ClassRows, type SketchClass } from "./classRows.js";
import { byId, make } from "./element.js";
import { HeldOutTiles } from "./heldOutTiles.js";
import { LossChart } from "./lossChart.js";
import type { Report, Request } from "./messages.js";
import type { DeviceChoice } from "./openDevice.js";
import { Pad } from "./pad.js";
import { acceptDrops, readPicture } from "./pictures.js";
import { shapeNames, sketchShape } from "./shapes.js";
import { type Sketch, shapeSketches } from "./sketchData.js";
import { download, missing, mostClasses, splitExamples } from "./trainingSet.js";

const steps = 160;
const examplesOfShape = 50;

const worker = new Worker(new URL("./trainWorker.ts", import.meta.url), { type: "module" });
const ask = (request: Request) => worker.postMessage(request);

let classes: SketchClass[] = ["sun", "fish"].map(emptyClass);
/** The classes that the network was trained on, in its order. */
let known: readonly SketchClass[] = [];
let training = false;
/** A question about the pad is on its way; the next one waits, so that a fast pen does not flood the worker. */
let asking = false;
let askAgain = false;
let hearing: ReturnType<typeof setTimeout> | undefined;

const pad = new Pad(byId<HTMLCanvasElement>("pad"), padChanged);
const chart = new LossChart(byId<SVGSVGElement>("chart"));
const tiles = new HeldOutTiles(byId("tiles"));
const rows = new ClassRows(byId<HTMLOListElement>("classes"), {
  onAdd: addDrawing,
  onPictures: addPictures,
  onRemove: (it) => {
    classes = classes.filter((other) => other !== it);
    known = [];
    classesChanged();
  },
  onChange: classesChanged,
});
const buttons = {
  train: byId<HTMLButtonElement>("train"),
  save: byId<HTMLButtonElement>("save"),
  undo: byId<HTMLButtonElement>("undo"),
  clear: byId<HTMLButtonElement>("clear"),
  addClass: byId<HTMLButtonElement>("add-class"),
};

function emptyClass(name: string): SketchClass {
  return { name, examples: [] };
}

function say(text: string, bad = false): void {
  const notice = byId("notice");
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
}

function classesChanged(): void {
  rows.show(classes, pad.content !== undefined);
  buttons.addClass.disabled = classes.length >= mostClasses;
  const lacking = missing(classes);
  buttons.train.disabled = !training && lacking !== "";
  if (!training) say(lacking);
  question();
}

function padChanged(): void {
  const isEmpty = pad.content === undefined;
  byId("pad-hint").hidden = !isEmpty;
  buttons.undo.disabled = buttons.clear.disabled = isEmpty;
  rows.allowAdding(!isEmpty);
  question();
}

/** Asks the network about the pad, unless a question is on its way. */
function question(): void {
  const { content } = pad;
  if (!content || known.length === 0) {
    judged(undefined);
    return;
  }
  askAgain = asking;
  if (asking) return;
  asking = true;
  ask({ type: "ask", pixels: content.pixels });
}

function judged(probabilities: readonly number[] | undefined): void {
  const found = probabilities && new Map(known.map((it, i) => [it, probabilities[i] ?? 0]));
  rows.judge(found);
  const verdict = byId("verdict");
  const [best, probability] = [...(found ?? [])].reduce((a, b) => (b[1] > a[1] ? b : a), [undefined, 0] as [
    SketchClass | undefined,
    number,
  ]);
  const hint = pad.content ? "Whose is it? Add it to a class." : "Draw one of your classes.";
  verdict.textContent = best ? `${best.name}, ${Math.round(100 * probability)} %` : hint;
  verdict.classList.toggle("quiet-verdict", best === undefined);
  // Who listens hears the end of a line, not every step of it.
  clearTimeout(hearing);
  hearing = setTimeout(() => {
    byId("heard").textContent = verdict.textContent;
  }, 700);
  if (best) verdict.style.setProperty("--color", `var(--c${classes.indexOf(best)})`);
}

function addDrawing(it: SketchClass): void {
  const { content } = pad;
  if (!content) return;
  it.examples.push(content.pixels);
  pad.clear();
  classesChanged();
  byId("pad").focus({ preventScroll: true });
}

async function addPictures(it: SketchClass, files: File[]): Promise<void> {
  const read = await Promise.allSettled(files.map(readPicture));
  for (const result of read) if (result.status === "fulfilled") it.examples.push(result.value);
  classesChanged();
  const failed = read.find((result) => result.status === "rejected");
  if (failed) say((failed.reason as Error).message, true);
}

function train(): void {
  if (training) {
    ask({ type: "stop" });
    return;
  }
  if (missing(classes) !== "") return;
  known = [...classes];
  training = true;
  buttons.train.textContent = "Stop";
  buttons.train.disabled = false;
  document.documentElement.dataset.state = "training";
  const names = classes.map(({ name }) => name);
  const { train, valid } = splitExamples(classes);
  showHeldOut(valid, names);
  say(valid.length === 0 ? "With five drawings of a class, one is held out to test what was learned." : "");
  ask({ type: "train", classes: names, train, valid, steps });
}

function showHeldOut(sketches: readonly Sketch[], names: readonly string[]): void {
  tiles.show(sketches, names);
  byId("tiles-card").hidden = sketches.length === 0;
}

function ended(): void {
  training = false;
  buttons.train.textContent = "Train";
  buttons.save.disabled = false;
  document.documentElement.dataset.state = "trained";
  classesChanged();
}

/** What is drawn would be lost: asks first. */
function mayReplace(): boolean {
  const drawn = classes.reduce((sum, { examples }) => sum + examples.length, 0);
  return drawn === 0 || confirm(`This replaces your classes and their ${drawn} drawings. Go on?`);
}

function showShapes(): void {
  if (training || !mayReplace()) return;
  classes = shapeNames.map(emptyClass);
  for (const { pixels, label } of shapeSketches(examplesOfShape, 1)) classes[label]!.examples.push(pixels);
  classesChanged();
  train();
  drawByItself();
}

/** A heart appears on the pad as if somebody drew it, so that the bars have something to say. */
function drawByItself(): void {
  const [stroke] = sketchShape("heart", new Generator(11));
  const placed = stroke!.map((value) => 0.5 + 0.36 * value);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const start = performance.now();
  const frame = (now: number) => {
    const share = still ? 1 : Math.min(1, Math.max(0, now - start) / 1600);
    const places = Math.max(1, Math.round((share * placed.length) / 2));
    pad.showStrokes([placed.slice(0, 2 * places)]);
    if (share < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** Says what computes; where there is a choice, the other is a click away. */
function showDevice(words: string, name: string): void {
  const parts: (Node | string)[] = [`${words}, in a worker of this page`];
  if (navigator.gpu) {
    const [other, label] = name === "webgpu" ? ["wasm", "WASM"] : ["webgpu", "WebGPU"];
    parts.push(" · ", make("a", { href: `?device=${other}`, textContent: `use ${label}` }));
  }
  byId("device").replaceChildren(...parts);
}

function receive(report: Report): void {
  switch (report.type) {
    case "device":
      showDevice(report.words, report.name);
      document.documentElement.dataset.device = report.name;
      return;
    case "start":
      return chart.start(report.steps);
    case "step":
      chart.addLoss(report.loss);
      byId("loss").textContent = chart.loss!.toFixed(chart.loss! < 0.1 ? 3 : 2);
      byId("steps").textContent = String(report.step);
      byId("seconds").textContent = report.seconds.toFixed(1);
      return;
    case "epoch":
      chart.addAccuracy(report.accuracy);
      if (Number.isFinite(report.accuracy)) byId("accuracy").textContent = `${Math.round(100 * report.accuracy)} %`;
      else byId("accuracy").textContent = "–";
      tiles.judge(report.guesses);
      return question();
    case "end":
      return ended();
    case "answer":
      asking = false;
      judged(pad.content ? report.probabilities : undefined);
      if (askAgain) question();
      return;
    case "saved":
      return download(report.bytes, "sketches.safetensors");
    case "loaded":
      classes = report.classes.map(emptyClass);
      known = [...classes];
      showHeldOut([], []);
      ended();
      return say(`The model knows ${report.classes.join(", ")}. Draw one of them.`);
    case "failed":
      asking = false;
      if (training) ended();
      return say(report.message, true);
  }
}

worker.addEventListener("message", ({ data }: MessageEvent<Report>) => receive(data));
worker.addEventListener("error", (event) => say(`The worker stopped: ${event.message}`, true));
buttons.train.addEventListener("click", train);
buttons.save.addEventListener("click", () => ask({ type: "save" }));
buttons.undo.addEventListener("click", () => pad.undo());
buttons.clear.addEventListener("click", () => pad.clear());
buttons.addClass.addEventListener("click", () => {
  classes.push(emptyClass(`class ${classes.length + 1}`));
  classesChanged();
  byId<HTMLInputElement>(`name-${classes.length - 1}`).select();
});
byId("start-over").addEventListener("click", () => {
  if (training || !mayReplace()) return;
  classes = ["sun", "fish"].map(emptyClass);
  known = [];
  pad.clear();
  classesChanged();
});
byId("shapes").addEventListener("click", showShapes);
byId<HTMLInputElement>("load").addEventListener("change", async ({ target }) => {
  const input = target as HTMLInputElement;
  const file = input.files?.[0];
  if (file && !training && mayReplace()) ask({ type: "load", bytes: new Uint8Array(await file.arrayBuffer()) });
  // The same file may be chosen again.
  input.value = "";
});
acceptDrops(byId("drop"), async ([file]) => {
  try {
    pad.showPicture(await readPicture(file!));
  } catch (error) {
    say((error as Error).message, true);
  }
});
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (key === "z" && !(target instanceof HTMLInputElement)) pad.undo();
    return;
  }
  if (target instanceof HTMLInputElement) return;
  const it = /^[1-8]$/.test(key) ? classes[Number(key) - 1] : undefined;
  if (it) addDrawing(it);
  else if (key === "Backspace" || key === "Delete") pad.clear();
  else if (key === "t" || key === "T") train();
});

classesChanged();
padChanged();
const device = (new URLSearchParams(location.search).get("device") ?? "auto") as DeviceChoice;
ask({ type: "open", device });
