import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Script } from "node:vm";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { confusionMatrix, PlotError, palettes } from "../src/index.js";
import { fitText, textWidth } from "../src/node/font.node.js";
import { renderPng, renderSvg, savePlot } from "../src/node/index.js";
import { outlineText } from "../src/node/outlineText.node.js";
import { sampleCharts } from "./sampleCharts.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fai-plot-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The texts that an SVG shows. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*?(?<!\/)>([\s\S]*?)<\/text>/g)].map(([, text]) => text);
}

function diagonal(size: number): number[][] {
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => (row === column ? 7 : 0)),
  );
}

describe("renderSvg", () => {
  test.each(Object.entries(sampleCharts))("%s: every number is a number", async (_, make) => {
    const warned = vi.spyOn(console, "warn");
    const svg = await renderSvg(make({ theme: "dark", title: "What a run" }));
    expect(textsOf(svg)).toContain("What a run");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  test("counts, classes and the accuracy are there as text", async () => {
    const svg = await renderSvg(sampleCharts.confusionMatrix({}));
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(["998", "2", "5", "995", "cats", "dogs", "99.7% of 2,000 right"]),
    );
  });

  test("percentages neither claim all nor nothing", async () => {
    const counts = [
      [99_999, 1],
      [0, 10],
    ];
    const texts = textsOf(await renderSvg(confusionMatrix(counts, { classes: ["a", "b"], show: "percent" })));
    expect(texts).toEqual(expect.arrayContaining(["99.99%", "&lt;0.1%", "0%", "100%"]));
  });

  test("a long class name is cut", async () => {
    const name = "a very long name of a class that nobody would like to read on an axis";
    const texts = textsOf(await renderSvg(confusionMatrix(diagonal(2), { classes: [name, "b"] })));
    expect(texts).not.toContain(name);
    expect(texts.filter((text) => text.startsWith("a very long") && text.endsWith("…"))).toHaveLength(2);
  });

  test("names with signs of XML stay what they are", async () => {
    const svg = await renderSvg(confusionMatrix(diagonal(2), { classes: ['<b> & "c"', "it's"] }));
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['&lt;b&gt; &amp; "c"', "it's"]));
    expect((await renderPng(confusionMatrix(diagonal(2), { classes: ['<b> & "c"', "it's"] }))).length).toBeGreaterThan(
      0,
    );
  });

  test("1 class and 100 classes", async () => {
    expect(textsOf(await renderSvg(confusionMatrix([[3]], { classes: ["only"] })))).toContain("3");
    const many = Array.from({ length: 100 }, (_, index) => `kind ${index}`);
    const texts = textsOf(await renderSvg(confusionMatrix(diagonal(100), { classes: many })));
    expect(texts).toEqual(expect.arrayContaining(many));
    expect(texts).not.toContain("7");
  });

  test("outlines leave no text, and one picture at a time does not disturb another", async () => {
    const spec = sampleCharts.lossCurve({});
    const [plain, outlined, again] = await Promise.all([
      renderSvg(spec),
      renderSvg(spec, { outlines: true }),
      renderSvg(spec),
    ]);
    expect(again).toBe(plain);
    expect(outlined).not.toContain("<text");
    expect(outlined).toMatch(/<path transform="translate\([^"]*\)" d="M/);
  });

  test("what is no specification is refused", async () => {
    await expect(renderSvg({ hello: 1 } as never)).rejects.toThrow(PlotError);
  });
});

describe("text", () => {
  test("is measured in Inter, kerned", () => {
    expect(textWidth("iii", { size: 10 })).toBeLessThan(textWidth("WWW", { size: 10 }) / 2);
    expect(textWidth("AV", { size: 100 })).toBeLessThan(textWidth("A", { size: 100 }) + textWidth("V", { size: 100 }));
    expect(textWidth("bold", { size: 10, weight: 600 })).toBeGreaterThan(textWidth("bold", { size: 10 }));
  });

  test("is cut where it has to be", () => {
    const cut = fitText("a rather long title", 60, { size: 13 });
    expect(cut).toMatch(/^a rath.*…$/);
    expect(textWidth(cut, { size: 13 })).toBeLessThanOrEqual(60);
    expect(fitText("short", 60, { size: 13 })).toBe("short");
  });

  test("keeps characters that Inter lacks, between those it has; empty elements stay empty", () => {
    const svg = '<svg><text fill="#123456" font-size="12px" text-anchor="end">a 日本 b</text><text x="1"/></svg>';
    const outlined = outlineText(svg);
    expect(textsOf(outlined)).toEqual(["日本 "]);
    expect(outlined.match(/<path/g)).toHaveLength(2);
    expect(outlined).toContain('<g fill="#123456">');
    expect(outlined).toContain('<g x="1"></g>');
  });

  test("takes further fonts for those, and names one that it cannot read", async () => {
    const font = createRequire(import.meta.url).resolve("@fontsource/inter/files/inter-greek-400-normal.woff");
    expect(textWidth("日", { size: 10, fonts: [font] })).toBe(10);
    const broken = join(folder, "broken.ttf");
    await writeFile(broken, "no font");
    expect(() => textWidth("日", { size: 10, fonts: [broken] })).toThrow("broken.ttf cannot be read as a font");
  });
});

describe("renderPng", () => {
  test.each(["light", "dark"] as const)(
    "has the size of the chart times the scale, and the theme: %s",
    async (theme) => {
      const spec = sampleCharts.confusionMatrix({ theme });
      const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(await renderSvg(spec))!;
      for (const scale of [1, 2, 1.5]) {
        const png = await renderPng(spec, { scale });
        const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
        expect(Math.abs(info.width - Number(width) * scale)).toBeLessThanOrEqual(1);
        expect(Math.abs(info.height - Number(height) * scale)).toBeLessThanOrEqual(1);
        expect(info.channels).toBe(3);
        const inside = (4 * info.width + 4) * 3;
        expect(`#${data.subarray(inside, inside + 3).toString("hex")}`).toBe(palettes[theme].background);
        expect(new Set(data).size).toBeGreaterThan(50);
      }
    },
  );

  test("a scale has to be above 0", async () => {
    await expect(renderPng(sampleCharts.scatter({}), { scale: 0 })).rejects.toThrow("scale is 0");
  });

  test("text is the same without any font on the machine", async () => {
    const config = join(folder, "fonts.conf");
    await writeFile(config, `<?xml version="1.0"?><fontconfig><cachedir>${folder}</cachedir></fontconfig>`);
    const [here, there] = await Promise.all([runFontless({}), runFontless({ FONTCONFIG_FILE: config })]);
    expect(there.chart).toBe(here.chart);
    expect(there.sheet).toBe(here.sheet);
    // On Linux sharp asks fontconfig for fonts: with none, all letters look alike, which shows that there are none.
    if (process.platform === "linux") expect(there.plainTexts[0]).toBe(there.plainTexts[1]);
  });
});

/** What fontless.program.ts prints, in a process with these variables. */
async function runFontless(environment: Record<string, string>) {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const program = fileURLToPath(new URL("./fontless.program.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", loader, program], {
    env: { ...process.env, ...environment },
  });
  return JSON.parse(stdout) as { plainTexts: string[]; chart: string; sheet: string };
}

describe("savePlot", () => {
  const spec = sampleCharts.confusionMatrix({});

  test("writes what the ending says, in folders that it makes, and leaves nothing else", async () => {
    const place = join(folder, "new", "plots");
    for (const ending of ["svg", "png", "html", "json"]) await savePlot(spec, join(place, `matrix.${ending}`));
    await savePlot(await renderPng(spec), join(place, "ready.PNG"));
    expect((await readdir(place)).sort()).toEqual([
      "matrix.html",
      "matrix.json",
      "matrix.png",
      "matrix.svg",
      "ready.PNG",
    ]);
    expect(JSON.parse(await readFile(join(place, "matrix.json"), "utf8"))).toEqual(spec);
    expect(await readFile(join(place, "matrix.svg"), "utf8")).toMatch(/^<svg/);
    expect((await sharp(join(place, "matrix.png")).metadata()).format).toBe("png");
  });

  test("a page stands alone: a picture without scripts, whole scripts, nothing to load", async () => {
    const path = join(folder, "page.html");
    await savePlot(confusionMatrix(diagonal(2), { classes: ["</script>", "b"], title: "<A & B>" }), path);
    const page = await readFile(path, "utf8");
    expect(page).toContain("<title>&lt;A &amp; B&gt;</title>");
    expect(textsOf(page)).toContain("&lt;/script&gt;");
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script);
    expect(scripts).toHaveLength(2);
    for (const script of scripts) expect(() => new Script(script)).not.toThrow();
    expect(page).not.toMatch(/<(script|link|img)[^>]*(src|href)=/);
  });

  test("another ending, and a place where nothing can be written, are named", async () => {
    await expect(savePlot(spec, "a.gif")).rejects.toThrow(
      'a.gif ends with ".gif"; it has to be .svg, .png, .html, .json',
    );
    await expect(savePlot(new Uint8Array(3), "a.svg")).rejects.toThrow("it has to be .png");
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(savePlot(spec, join(file, "a.svg"))).rejects.toThrow("a.svg cannot be written");
  });
});
