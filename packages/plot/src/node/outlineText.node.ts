import { outline, type TextStyle } from "./font.node.js";

/** How a line of text stands at its place. */
export interface PlacedText extends TextStyle {
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly anchor?: "start" | "middle" | "end";
}

/** An element without text closes itself. */
const textElement = /<text((?:\s[^<>]*?)?)(?:\/>|>([\s\S]*?)<\/text>)/g;
const attribute = /([\w:-]+)=(?:"([^"]*)"|'([^']*)')/g;
const tspan = /<tspan([^>]*)>([\s\S]*?)<\/tspan>/g;
const fontAttributes = new Set([
  "text-anchor",
  "font-family",
  "font-size",
  "font-weight",
  "font-style",
  "font-variant",
]);
const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

/**
 * An SVG by Vega with every text replaced by its outlines, so that it needs no font: librsvg, which sharp draws with, finds
 * none on a bare machine. Characters that Inter and `fonts` lack remain text.
 */
export function outlineText(svg: string, fonts: readonly string[] = []): string {
  return svg.replace(textElement, (_, opening: string, inner = "") => {
    const attributes = readAttributes(opening);
    const kept = [...attributes].filter(([name]) => !fontAttributes.has(name));
    const style = {
      size: Number.parseFloat(attributes.get("font-size") ?? "11"),
      weight: readWeight(attributes.get("font-weight")),
      anchor: (attributes.get("text-anchor") ?? "start") as PlacedText["anchor"],
      fonts,
    };
    const spans = [...inner.matchAll(tspan)];
    let y = 0;
    const lines = spans.length === 0 ? [outlinedLine(unescape(inner), { ...style, x: 0, y })] : [];
    for (const [, spanOpening, text] of spans) {
      y += Number.parseFloat(readAttributes(spanOpening).get("dy") ?? "0");
      lines.push(outlinedLine(unescape(text), { ...style, x: 0, y }));
    }
    return `<g${kept.map(([name, value]) => ` ${name}="${value}"`).join("")}>${lines.join("")}</g>`;
  });
}

/** One line of text as SVG elements that need no font; it takes the fill of what is around it. */
export function outlinedLine(text: string, { x, y, anchor = "start", ...style }: PlacedText): string {
  const { width, runs } = outline(text, style);
  const left = x - (anchor === "middle" ? width / 2 : anchor === "end" ? width : 0);
  return runs
    .map(({ x: offset, path, characters }) => {
      if (path === "") return "";
      if (path !== undefined) return `<path transform="translate(${round(left)},${round(y)})" d="${path}"/>`;
      const font = `font-family="sans-serif" font-size="${style.size}" font-weight="${style.weight ?? 400}"`;
      return `<text x="${round(left + offset)}" y="${round(y)}" ${font}>${escapeXml(characters!)}</text>`;
    })
    .join("");
}

/** Text as it has to stand in XML. Control characters, which XML cannot hold, are left out. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;")
  );
}

function unescape(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (name.startsWith("#x")) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return String.fromCodePoint(Number(name.slice(1)));
    return entities[name] ?? whole;
  });
}

function readAttributes(opening: string): Map<string, string> {
  return new Map([...opening.matchAll(attribute)].map(([, name, double, single]) => [name, double ?? single]));
}

function readWeight(weight = "normal"): number {
  return weight === "bold" ? 700 : weight === "normal" ? 400 : Number(weight) || 400;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
