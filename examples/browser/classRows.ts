import { make } from "./element.js";
import { pictureCanvas } from "./pad.js";
import { acceptDrops } from "./pictures.js";

/** A class as the page keeps it: a name, and what was drawn for it as u8 [size, size, 3] each. */
export interface SketchClass {
  name: string;
  readonly examples: Uint8Array<ArrayBuffer>[];
}

/** What a row may ask of the page. */
export interface ClassRowEvents {
  onAdd(it: SketchClass): void;
  onPictures(it: SketchClass, files: File[]): void;
  onRemove(it: SketchClass): void;
  onChange(): void;
}

interface Row {
  readonly element: HTMLLIElement;
  readonly add: HTMLButtonElement;
  readonly percent: HTMLElement;
  readonly bar: HTMLElement;
}

const thumbnails = 7;

/** The list of classes: names, what was drawn, and how likely each is for the drawing on the pad. */
export class ClassRows {
  private readonly rows = new Map<SketchClass, Row>();
  private readonly list: HTMLOListElement;
  private readonly events: ClassRowEvents;

  constructor(list: HTMLOListElement, events: ClassRowEvents) {
    this.list = list;
    this.events = events;
  }

  /** Builds the rows anew: after classes or their drawings changed. */
  show(classes: readonly SketchClass[], canAdd: boolean): void {
    const focused = document.activeElement?.id;
    this.rows.clear();
    this.list.replaceChildren(...classes.map((it, index) => this.row(it, index, classes.length)));
    this.allowAdding(canAdd);
    if (focused) document.getElementById(focused)?.focus();
  }

  /** Whether there is something on the pad to add. */
  allowAdding(canAdd: boolean): void {
    for (const { add } of this.rows.values()) add.disabled = !canAdd;
  }

  /** Moves the bars; classes that the network does not know have none. */
  judge(probabilities: ReadonlyMap<SketchClass, number> | undefined): void {
    const best = Math.max(...(probabilities?.values() ?? []));
    for (const [it, { element, percent, bar }] of this.rows) {
      const probability = probabilities?.get(it);
      bar.style.transform = `scaleX(${probability ?? 0})`;
      percent.textContent = probability === undefined ? "" : `${Math.round(100 * probability)} %`;
      element.classList.toggle("best", probability !== undefined && probability === best);
    }
  }

  private row(it: SketchClass, index: number, count: number): HTMLLIElement {
    const { events } = this;
    const name = make("input", {
      className: "name",
      id: `name-${index}`,
      value: it.name,
      autocomplete: "off",
      spellcheck: false,
    });
    name.setAttribute("aria-label", `Name of class ${index + 1}`);
    const add = make("button", { type: "button", className: "add", id: `add-${index}`, textContent: "Add" });
    const label = () => add.setAttribute("aria-label", `Add the drawing to ${it.name}`);
    label();
    name.addEventListener("input", () => {
      it.name = name.value;
      label();
      events.onChange();
    });
    add.addEventListener("click", () => events.onAdd(it));
    const percent = make("output", { className: "percent" });
    percent.setAttribute("aria-hidden", "true");
    const bar = make("i");
    const element = make(
      "li",
      { className: "class" },
      make("span", { className: "key", textContent: String(index + 1), ariaHidden: "true" }),
      make("div", { className: "named" }, name, make("div", { className: "bar", ariaHidden: "true" }, bar)),
      percent,
      add,
      this.foot(it, index, count),
    );
    element.style.setProperty("--color", `var(--c${index})`);
    acceptDrops(element, (files) => events.onPictures(it, files));
    this.rows.set(it, { element, add, percent, bar });
    return element;
  }

  /** The last drawings, how many there are, and what can be done with them. */
  private foot(it: SketchClass, index: number, count: number): HTMLElement {
    const { events } = this;
    const { examples } = it;
    const shown = examples.slice(-thumbnails).map((pixels) => pictureCanvas(pixels));
    for (const canvas of shown) canvas.setAttribute("aria-hidden", "true");
    const words = examples.length === 0 ? "nothing yet" : `${examples.length}`;
    const said = `${examples.length} ${examples.length === 1 ? "drawing" : "drawings"}`;
    const strip = make("span", { className: "strip" }, ...shown);
    const counted = make("span", { className: "count", textContent: words, title: said });
    const input = make("input", {
      type: "file",
      id: `pictures-${index}`,
      accept: "image/*",
      multiple: true,
      className: "hidden-input",
    });
    input.setAttribute("aria-label", `Add pictures to ${it.name}`);
    input.addEventListener("change", () => events.onPictures(it, [...(input.files ?? [])]));
    const pictures = make("label", { className: "quiet", textContent: "pictures…", htmlFor: input.id }, input);
    const parts: Node[] = [counted, strip, pictures];
    if (examples.length > 0) {
      const remove = make("button", {
        type: "button",
        className: "quiet",
        id: `undo-${index}`,
        textContent: "take back",
      });
      remove.setAttribute("aria-label", `Take back the last drawing of ${it.name}`);
      remove.addEventListener("click", () => {
        examples.pop();
        events.onChange();
      });
      parts.push(remove);
    }
    if (count > 2) {
      const remove = make("button", {
        type: "button",
        className: "quiet",
        id: `remove-${index}`,
        textContent: "remove",
      });
      remove.setAttribute("aria-label", `Remove the class ${it.name}`);
      remove.addEventListener("click", () => events.onRemove(it));
      parts.push(remove);
    }
    return make("div", { className: "foot" }, ...parts);
  }
}
