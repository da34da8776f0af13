import { PlotError } from "../plotError.js";
import { palettes, type Theme } from "../theme.js";
import { captionLines } from "./captionLines.node.js";
import { fitText, textWidth } from "./font.node.js";
import { outlinedLine, type PlacedText } from "./outlineText.node.js";
import { checkSheetSize, compose, type Enlarging, fitPicture, type PictureLike } from "./raster.node.js";
import { checkScale } from "./renderPng.node.js";

/** A picture of a sheet, with what stands below it. */
export interface SheetPicture {
  readonly image: PictureLike;
  readonly title?: string;
  readonly subtitle?: string;
  /** Frames the picture and puts a tick ("good", blue) or a cross ("bad", orange) before its title. */
  readonly tone?: "good" | "bad";
}

/** What a sheet shows, and how. */
export interface PictureSheetOptions {
  readonly pictures: readonly SheetPicture[];
  /** How many stand beside each other: as close to 3 rows of 4 as the number allows, if absent. */
  readonly columns?: number;
  /** The side of a picture's square box in pixels, 168 if absent. */
  readonly cell?: number;
  /** The look, "light" if absent. */
  readonly theme?: Theme;
  readonly title?: string;
  readonly subtitle?: string;
  /** Pixels of the PNG for each of the layout, 2 if absent. */
  readonly scale?: number;
  /** How small pictures are enlarged: with sharp edges up to 40 pixels, else smoothly, if absent. */
  readonly enlarging?: Enlarging;
  /** Files of further fonts (ttf, otf, woff) for characters that Inter lacks. */
  readonly fonts?: readonly string[];
}

const margin = 28;
const gap = 20;
const radius = 8;
const heading = { size: 17, weight: 600 };
const headingNote = { size: 13 };
const caption = { size: 13, weight: 600 };
const captionNote = { size: 12 };
const lineHeight = 18;

/**
 * Pictures in rows with their titles, as PNG: a batch, or the most wrong predictions. Every picture is shown whole and in its
 * own shape, in a square box. A title takes a second line where it needs one, and is cut where that is too short.
 * @throws PlotError for no pictures, one that cannot be read, or a sheet that is too large
 */
export async function pictureSheet(options: PictureSheetOptions): Promise<Uint8Array> {
  const { pictures, theme = "light", cell = 168, scale = 2, fonts = [], title = "", subtitle = "" } = options;
  if (pictures.length === 0) throw new PlotError("pictureSheet", "there is no picture. Give one or more.");
  const { columns = Math.min(pictures.length, Math.max(4, Math.ceil(Math.sqrt(pictures.length)))) } = options;
  checkScale("pictureSheet", scale);
  if (!(Number.isInteger(columns) && columns > 0)) {
    throw new PlotError("pictureSheet", `columns is ${columns}. Give a whole number above 0.`);
  }
  if (!(Number.isInteger(cell) && cell >= 16)) {
    throw new PlotError("pictureSheet", `cell is ${cell}. Give a whole number of pixels, 16 or more.`);
  }

  const palette = palettes[theme];
  const titles = pictures.map(({ title, tone }) =>
    captionLines(title ?? "", cell - indentOf(tone), 2, { ...caption, fonts }).filter((text) => text !== ""),
  );
  const rows = Array.from({ length: Math.ceil(pictures.length / columns) }, (_, row) => {
    const [start, end] = [row * columns, (row + 1) * columns];
    const titleLines = Math.max(...titles.slice(start, end).map(({ length }) => length));
    const lines = titleLines + (pictures.slice(start, end).some((picture) => picture.subtitle) ? 1 : 0);
    return cell + (lines > 0 ? 8 + lines * lineHeight : 0) + gap;
  });
  const headHeight = (title === "" ? 0 : 24) + (subtitle === "" ? 0 : 20) + (title === "" && subtitle === "" ? 0 : 18);
  const inner = columns * (cell + gap) - gap;
  const headWidth = Math.max(textWidth(title, { ...heading, fonts }), textWidth(subtitle, { ...headingNote, fonts }));
  // A heading longer than a narrow sheet makes it wider, up to a readable line.
  const width = Math.ceil(Math.max(inner, Math.min(headWidth, 560))) + 2 * margin;
  const height = headHeight + sum(rows) - gap + 2 * margin;
  checkSheetSize(Math.round(width * scale), Math.round(height * scale));

  const line = (text: string, limit: number, fill: string, placed: PlacedText) => {
    const fitted = fitText(text, limit, { ...placed, fonts });
    return `<g fill="${fill}">${outlinedLine(fitted, { ...placed, fonts })}</g>`;
  };
  const back: string[] = [`<rect width="${width}" height="${height}" fill="${palette.background}"/>`];
  const front: string[] = [];
  const limit = width - 2 * margin;
  if (title !== "") back.push(line(title, limit, palette.ink, { ...heading, x: margin, y: margin + 15 }));
  const noteTop = margin + (title === "" ? 0 : 24);
  if (subtitle !== "") back.push(line(subtitle, limit, palette.muted, { ...headingNote, x: margin, y: noteTop + 13 }));

  const placed = await Promise.all(
    pictures.map(async (picture, index) => {
      const x = margin + (index % columns) * (cell + gap);
      const y = margin + headHeight + sum(rows.slice(0, Math.floor(index / columns)));
      back.push(`<rect x="${x}" y="${y}" width="${cell}" height="${cell}" rx="${radius}" fill="${palette.surface}"/>`);
      front.push(corners(x, y, cell, palette.background));
      const tone = picture.tone === undefined ? undefined : palette[picture.tone];
      if (tone !== undefined) front.push(frame(x, y, cell, tone));
      let baseline = y + cell + 22;
      if (tone !== undefined && titles[index].length > 0) front.push(mark(picture.tone!, x, baseline, tone));
      for (const text of titles[index]) {
        const indent = indentOf(picture.tone);
        front.push(line(text, cell - indent, palette.ink, { ...caption, x: x + indent, y: baseline }));
        baseline += lineHeight;
      }
      if (picture.subtitle) {
        front.push(line(picture.subtitle, cell, palette.muted, { ...captionNote, x, y: baseline }));
      }
      const name = nameOf(picture, index);
      const box = Math.round(cell * scale);
      const fitted = await fitPicture(picture.image, { box, enlarging: options.enlarging, name });
      return {
        png: fitted.png,
        left: Math.round(x * scale + (box - fitted.width) / 2),
        top: Math.round(y * scale + (box - fitted.height) / 2),
      };
    }),
  );
  const svg = (parts: readonly string[]) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join("")}</svg>`;
  return compose(svg(back), placed, svg(front), { scale, background: palette.background });
}

/** A title makes room for the tick or cross before it. */
function indentOf(tone: SheetPicture["tone"]): number {
  return tone === undefined ? 0 : 18;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** "picture 3 (cats/12.jpg)". */
function nameOf({ image, title }: SheetPicture, index: number): string {
  const name = typeof image === "string" ? image : title;
  return `picture ${index}${name ? ` (${name})` : ""}`;
}

/** Rounds a picture's corners, by covering what lies outside of them. */
function corners(x: number, y: number, side: number, fill: string): string {
  const r = radius;
  const outer = `M${x - 1} ${y - 1}h${side + 2}v${side + 2}h${-side - 2}z`;
  const edge = side - 2 * r;
  const arcs = `M${x + r} ${y}h${edge}a${r} ${r} 0 0 1 ${r} ${r}v${edge}a${r} ${r} 0 0 1 ${-r} ${r}h${-edge}a${r} ${r} 0 0 1 ${-r} ${-r}v${-edge}a${r} ${r} 0 0 1 ${r} ${-r}z`;
  return `<path fill-rule="evenodd" fill="${fill}" d="${outer}${arcs}"/>`;
}

function frame(x: number, y: number, side: number, color: string): string {
  const box = `x="${x - 1}" y="${y - 1}" width="${side + 2}" height="${side + 2}" rx="${radius + 1}"`;
  return `<rect ${box} fill="none" stroke="${color}" stroke-width="2.5"/>`;
}

/** A tick or a cross as high as the capitals beside it, so that nobody depends on the color. */
function mark(tone: "good" | "bad", x: number, baseline: number, color: string): string {
  const d =
    tone === "good"
      ? `M${x + 1} ${baseline - 4.5}l3.5 3.6l6.5 -7.6`
      : `M${x + 1.5} ${baseline - 8.7}l8.2 8.2m0 -8.2l-8.2 8.2`;
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>`;
}
