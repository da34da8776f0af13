import { make } from "./element.js";
import { pictureCanvas } from "./pad.js";
import type { Sketch } from "./sketchData.js";

/** Most tiles of one class. */
const tilesOfClass = 10;

/** The pictures that were held out, a row a class; the bar under each has the color of the class it is taken for. */
export class HeldOutTiles {
  private tiles: { readonly index: number; readonly label: number; readonly tile: HTMLElement }[] = [];
  private classes: readonly string[] = [];
  private readonly element: HTMLElement;

  constructor(element: HTMLElement) {
    this.element = element;
  }

  /** Shows pictures that nobody has judged yet. */
  show(sketches: readonly Sketch[], classes: readonly string[]): void {
    this.classes = classes;
    this.tiles = [];
    const rows = classes.map((name, label) => {
      const own = sketches.flatMap((sketch, index) => (sketch.label === label ? [{ sketch, index }] : []));
      const tiles = own.slice(0, tilesOfClass).map(({ sketch, index }) => {
        const tile = make("li", { className: "tile" }, pictureCanvas(sketch.pixels), make("i"));
        this.tiles.push({ index, label, tile });
        return tile;
      });
      const title = make("span", { className: "tile-name", textContent: name });
      title.style.setProperty("--color", `var(--c${label})`);
      return make("div", { className: "tile-row" }, title, make("ul", { ariaLabel: name }, ...tiles));
    });
    this.element.replaceChildren(...(sketches.length > 0 ? rows : []));
  }

  /** Colors the tiles by what the network takes them for: a class for each of the pictures shown. */
  judge(guesses: readonly number[]): void {
    for (const { index, label, tile } of this.tiles) {
      const guess = guesses[index]!;
      tile.style.setProperty("--color", `var(--c${guess})`);
      tile.classList.toggle("wrong", guess !== label);
      tile.title = guess === label ? `${this.classes[label]}, as it is` : `taken for ${this.classes[guess]}`;
      tile.setAttribute("aria-label", tile.title);
    }
  }
}
