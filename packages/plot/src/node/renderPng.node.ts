import type { TopLevelSpec } from "vega-lite";
import { PlotError } from "../plotError.js";
import { rasterize } from "./raster.node.js";
import { renderSvg } from "./renderSvg.node.js";

/** How a specification becomes PNG. */
export interface RenderPngOptions {
  /** Pixels of the PNG for each of the chart, 2 if absent: sharp on dense screens. */
  readonly scale?: number;
  /** Files of further fonts (ttf, otf, woff) for characters that Inter lacks. */
  readonly fonts?: readonly string[];
}

/**
 * Draws a Vega-Lite 5 specification as PNG. Letters are drawn as shapes of the Inter that comes along, so the picture is the
 * same on a machine without any font.
 * @throws PlotError when Vega cannot draw it, or for a scale that is not above 0
 */
export async function renderPng(spec: TopLevelSpec, options: RenderPngOptions = {}): Promise<Uint8Array> {
  const { scale = 2, fonts = [] } = options;
  checkScale("renderPng", scale);
  const background = spec.background ?? spec.config?.background;
  const opaque = typeof background === "string" && background !== "transparent" ? background : undefined;
  return rasterize(await renderSvg(spec, { outlines: true, fonts }), scale, opaque);
}

/** @throws PlotError for a scale that is not above 0 and at most 10 */
export function checkScale(plot: string, scale: number): void {
  if (!(scale > 0 && scale <= 10)) throw new PlotError(plot, `scale is ${scale}. Give a number above 0 and up to 10.`);
}
