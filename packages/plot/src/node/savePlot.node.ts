import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { PlotError } from "../plotError.js";
import { htmlPage } from "./page.node.js";
import { type RenderPngOptions, renderPng } from "./renderPng.node.js";
import { renderSvg } from "./renderSvg.node.js";

const formats = {
  ".svg": (spec: TopLevelSpec, { fonts }: RenderPngOptions) => renderSvg(spec, { fonts }),
  ".png": renderPng,
  ".html": htmlPage,
  ".json": async (spec: TopLevelSpec) => `${JSON.stringify(spec, undefined, 2)}\n`,
} satisfies Record<string, (spec: TopLevelSpec, options: RenderPngOptions) => Promise<string | Uint8Array>>;

/**
 * Writes a specification to a file: what its name ends with decides (`.svg`, `.png`, `.html`, `.json`). The bytes of a PNG,
 * such as a picture sheet, are written as they are. Missing folders are made. The file appears whole or not at all.
 * @throws PlotError for another ending, or when the file cannot be written
 */
export async function savePlot(
  plot: TopLevelSpec | Uint8Array,
  path: string,
  options: RenderPngOptions = {},
): Promise<void> {
  const ending = extname(path).toLowerCase();
  if (!isFormat(ending) || (plot instanceof Uint8Array && ending !== ".png")) {
    const endings = plot instanceof Uint8Array ? ".png" : Object.keys(formats).join(", ");
    throw new PlotError("savePlot", `${path} ends with ${JSON.stringify(ending)}; it has to be ${endings}.`);
  }
  const content = plot instanceof Uint8Array ? plot : await formats[ending](plot, options);
  const unfinished = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(unfinished, content);
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => {});
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlotError("savePlot", `${path} cannot be written: ${reason}`, { cause });
  }
}

function isFormat(ending: string): ending is keyof typeof formats {
  return Object.hasOwn(formats, ending);
}
