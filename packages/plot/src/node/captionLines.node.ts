import { fitText, type TextStyle, textWidth } from "./font.node.js";

/** Breaks a text at its spaces into lines of at most `limit` pixels, `most` of them; what is left over is cut. */
export function captionLines(text: string, limit: number, most: number, style: TextStyle): string[] {
  const lines: string[] = [];
  let rest = text.trim().split(/\s+/);
  while (rest.length > 0 && lines.length < most) {
    let count = 1;
    while (count < rest.length && textWidth(rest.slice(0, count + 1).join(" "), style) <= limit) count++;
    const last = lines.length === most - 1;
    lines.push(fitText(rest.slice(0, last ? rest.length : count).join(" "), limit, style));
    rest = last ? [] : rest.slice(count);
  }
  return lines;
}
