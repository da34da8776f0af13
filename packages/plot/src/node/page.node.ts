import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { TopLevelSpec } from "vega-lite";
import { chartConfig } from "../theme.js";
import { fontFaceCss } from "./font.node.js";
import { escapeXml } from "./outlineText.node.js";
import { compileSpec, renderSvg } from "./renderSvg.node.js";

/**
 * A page that stands alone: the chart as SVG, the font, and Vega itself, which makes the chart answer to the mouse. It loads
 * nothing from anywhere; without scripts the SVG stays.
 * @throws PlotError when Vega cannot draw the specification
 */
export async function htmlPage(spec: TopLevelSpec): Promise<string> {
  const svg = await renderSvg(spec);
  const vega = readFileSync(createRequire(import.meta.url).resolve("vega/build/vega.min.js"), "utf8");
  const background = spec.config?.background ?? chartConfig().background;
  const title = typeof spec.title === "object" && "text" in spec.title ? spec.title.text : spec.title;
  const style = `${fontFaceCss()}body{margin:0;background:${background}}#plot svg{max-width:100%;height:auto}`;
  const start = `const spec=${inScript(JSON.stringify(compileSpec(spec)))};
Promise.all([document.fonts.load("12px Inter"),document.fonts.load("600 12px Inter")]).finally(()=>
new vega.View(vega.parse(spec),{container:"#plot",renderer:"svg",hover:true}).runAsync());`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml([title ?? "Plot"].flat().join(" "))}</title>
<style>${style}</style>
</head>
<body>
<div id="plot">${svg}</div>
<script>${inScript(vega)}</script>
<script>
${start}
</script>
</body>
</html>
`;
}

/** Nothing in a script may look like its end. */
function inScript(text: string): string {
  return text.replace(/<(?=\/script|!--)/gi, "\\u003c");
}
