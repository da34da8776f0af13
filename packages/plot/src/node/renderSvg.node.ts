import { createHash } from "node:crypto";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { PlotError } from "../plotError.js";
import { textWidth } from "./font.node.js";
import { outlineText } from "./outlineText.node.js";

/** How a specification becomes SVG. */
export interface RenderSvgOptions {
  /** Draws letters as shapes, which look the same everywhere but are text no more; false if absent. */
  readonly outlines?: boolean;
  /** Files of further fonts (ttf, otf, woff) for characters that Inter lacks; used where letters are shapes. */
  readonly fonts?: readonly string[];
}

/** What Vega measures text with; part of its scene graph, and missing in its types. */
interface TextMetrics {
  width: (item: TextItem, text: string) => number;
}

/** A text mark, as far as its width goes. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: number | string;
  readonly limit?: number;
}

const { textMetrics } = vega as unknown as { textMetrics: TextMetrics };
let running = 0;
let widthBefore = textMetrics.width;

/**
 * Draws a Vega-Lite 5 specification as SVG, without a DOM. Texts are measured in Inter, so labels are cut and placed as they
 * will be seen; they remain text, with fonts to fall back on, unless `outlines` is set.
 * @throws PlotError when Vega cannot draw it
 */
export async function renderSvg(spec: TopLevelSpec, options: RenderSvgOptions = {}): Promise<string> {
  const { outlines = false, fonts = [] } = options;
  const compiled = compileSpec(spec);
  if (running++ === 0) {
    widthBefore = textMetrics.width;
    textMetrics.width = measure;
  }
  let view: vega.View | undefined;
  try {
    view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.Error });
    const svg = nameIds(await view.toSVG());
    return outlines ? outlineText(svg, fonts) : svg;
  } catch (cause) {
    throw new PlotError("renderSvg", `Vega cannot draw this: ${messageOf(cause)}`, { cause });
  } finally {
    view?.finalize();
    if (--running === 0) textMetrics.width = widthBefore;
  }
}

/** Compiles a Vega-Lite specification to a Vega one. @throws PlotError when it is none */
export function compileSpec(spec: TopLevelSpec): vega.Spec {
  try {
    // Vega marks the rows of its data as its own, and these are the caller's.
    return compile(structuredClone(spec)).spec;
  } catch (cause) {
    throw new PlotError("renderSvg", `this is no Vega-Lite specification: ${messageOf(cause)}`, { cause });
  }
}

function measure(item: TextItem, text: string): number {
  const { fontSize = 11, fontWeight = 400, limit = 0 } = item;
  if (text === undefined || text === null) return 0;
  const weight = fontWeight === "bold" ? 700 : Number(fontWeight) || 400;
  const width = textWidth(String(text), { size: Number(fontSize), weight });
  return limit > 0 ? Math.min(limit, width) : width;
}

/**
 * Vega counts the ids of clip paths and gradients over a program's life; here they are named after the picture. So the same
 * specification gives the same SVG, and two of them can stand on one page.
 */
function nameIds(svg: string): string {
  const id = /(?<=id="|url\(#|href="#)(p_)?(clip|gradient_)(\d+)(?=["')])/g;
  const digest = createHash("sha256").update(svg.replace(id, "")).digest("hex").slice(0, 8);
  const numbers = new Map<string, number>();
  return svg.replace(id, (_, pattern = "", kind: string, number: string) => {
    const key = kind + number;
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return `${pattern}${kind}${digest}_${numbers.get(key)}`;
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
