import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as fontkit from "fontkit";
import { PlotError } from "../plotError.js";

/** How a text is set. */
export interface TextStyle {
  /** In pixels. */
  readonly size: number;
  /** 100 to 900; from 550 on the semibold face is used, else the regular one. */
  readonly weight?: number;
  /** Files of further fonts (ttf, otf, woff) for characters that Inter lacks. */
  readonly fonts?: readonly string[];
}

/** A stretch of a text: as the data of an SVG path, or as characters that no font at hand can draw. */
export interface TextRun {
  /** Where it starts, from the start of the text, in pixels. */
  readonly x: number;
  readonly path?: string;
  readonly characters?: string;
}

/** A text as shapes, its baseline at y = 0. */
export interface OutlinedText {
  /** In pixels. */
  readonly width: number;
  readonly runs: readonly TextRun[];
}

type Weight = 400 | 600;
type Face = fontkit.Font;

const require = createRequire(import.meta.url);
const subsets = lazy(readSubsets);
const faces = new Map<string, Face>();
const widths = new Map<string, number>();
const widthsKept = 20_000;
const wide = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Extended_Pictographic}/u;

/** The shapes of one line of text in Inter, kerned; so it looks the same on every machine, with fonts or without. */
export function outline(text: string, style: TextStyle): OutlinedText {
  const runs: TextRun[] = [];
  let x = 0;
  for (const { face, characters } of split(text, style)) {
    if (face === undefined) {
      runs.push({ x, characters });
      x += guessedWidth(characters) * style.size;
      continue;
    }
    const start = x;
    const scale = style.size / face.unitsPerEm;
    const { glyphs, positions } = face.layout(characters);
    let path = "";
    for (const [index, glyph] of glyphs.entries()) {
      const { xOffset, yOffset, xAdvance } = positions[index];
      path += pathData(glyph.path.commands, scale, x + xOffset * scale, -yOffset * scale);
      x += xAdvance * scale;
    }
    runs.push({ x: start, path });
  }
  return { width: x, runs };
}

/** The width of one line of text in Inter, in pixels. */
export function textWidth(text: string, style: TextStyle): number {
  const key = `${weightOf(style)} ${style.fonts?.join() ?? ""} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    width = 0;
    for (const { face, characters } of split(text, style)) {
      width += face === undefined ? guessedWidth(characters) : face.layout(characters).advanceWidth / face.unitsPerEm;
    }
    if (widths.size >= widthsKept) widths.clear();
    widths.set(key, width);
  }
  return width * style.size;
}

/** The text, or as much of it as fits into `limit` pixels, ended by "…". */
export function fitText(text: string, limit: number, style: TextStyle): string {
  if (textWidth(text, style) <= limit) return text;
  const characters = [...text];
  let [fits, tooMany] = [0, characters.length];
  while (fits + 1 < tooMany) {
    const middle = (fits + tooMany) >> 1;
    if (textWidth(`${characters.slice(0, middle).join("")}…`, style) <= limit) fits = middle;
    else tooMany = middle;
  }
  return `${characters.slice(0, fits).join("").trimEnd()}…`;
}

/** Inter as a style sheet with the fonts inside it, for pages that stand alone. */
export function fontFaceCss(): string {
  return ([400, 600] as const)
    .map((weight) => {
      const data = readFileSync(require.resolve(`@fontsource/inter/files/inter-latin-${weight}-normal.woff2`));
      const source = `url(data:font/woff2;base64,${data.toString("base64")}) format("woff2")`;
      return `@font-face{font-family:Inter;font-weight:${weight};src:${source}}`;
    })
    .join("");
}

/** About how wide the machine's own font draws characters, in units of the font size. */
function guessedWidth(characters: string): number {
  return [...characters].reduce((width, character) => width + (wide.test(character) ? 1 : 0.6), 0);
}

/** Cuts a text into stretches that one face draws; spaces stay with what is before them. */
function split(text: string, style: TextStyle): { face: Face | undefined; characters: string }[] {
  const stretches: { face: Face | undefined; characters: string }[] = [];
  for (const character of text) {
    const last = stretches[stretches.length - 1];
    const point = character.codePointAt(0)!;
    const stays =
      last !== undefined && (last.face?.hasGlyphForCodePoint(point) ?? /\s|\p{M}|\u200d|\ufe0f/u.test(character));
    if (stays) {
      last.characters += character;
      continue;
    }
    const face = faceFor(point, style);
    if (last !== undefined && last.face === face) last.characters += character;
    else stretches.push({ face, characters: character });
  }
  return stretches;
}

function faceFor(point: number, style: TextStyle): Face | undefined {
  for (const { name, ranges } of subsets()) {
    if (!ranges.some(([from, to]) => point >= from && point <= to)) continue;
    const face = loadFace(require.resolve(`@fontsource/inter/files/inter-${name}-${weightOf(style)}-normal.woff`));
    if (face.hasGlyphForCodePoint(point)) return face;
  }
  return style.fonts?.map(loadFace).find((face) => face.hasGlyphForCodePoint(point));
}

function loadFace(path: string): Face {
  let face = faces.get(path);
  if (face === undefined) {
    try {
      const opened = fontkit.create(readFileSync(path));
      face = "fonts" in opened ? opened.fonts[0] : opened;
    } catch (cause) {
      throw new PlotError("font", `${path} cannot be read as a font. Give a .ttf, .otf or .woff file.`, { cause });
    }
    faces.set(path, face);
  }
  return face;
}

function weightOf({ weight = 400 }: TextStyle): Weight {
  return weight >= 550 ? 600 : 400;
}

/** Which part of Inter holds which characters: the package has a file for each script. */
function readSubsets(): { name: string; ranges: [number, number][] }[] {
  const table: Record<string, string> = JSON.parse(
    readFileSync(require.resolve("@fontsource/inter/unicode.json"), "utf8"),
  );
  const parts = Object.entries(table).map(([name, ranges]) => ({
    name,
    ranges: ranges.split(",").map((range): [number, number] => {
      const [from, to = from] = range.replace("U+", "").split("-");
      return [Number.parseInt(from, 16), Number.parseInt(to, 16)];
    }),
  }));
  return parts.sort((a, b) => Number(b.name === "latin") - Number(a.name === "latin"));
}

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const letters: Readonly<Record<string, string>> = {
  moveTo: "M",
  lineTo: "L",
  quadraticCurveTo: "Q",
  bezierCurveTo: "C",
  closePath: "Z",
};

/** Font units with y upward become pixels with y downward. */
function pathData(commands: readonly fontkit.PathCommand[], scale: number, x: number, y: number): string {
  return commands
    .map(({ command, args }) => {
      const numbers = args.map((value, index) => (index % 2 === 0 ? x + value * scale : y - value * scale));
      return letters[command] + numbers.map((value) => Math.round(value * 100) / 100).join(" ");
    })
    .join("");
}
