import { createHash } from "node:crypto";
import { confusionMatrix } from "../src/index.js";
import { pictureSheet, renderPng } from "../src/node/index.js";
import { rasterize } from "../src/node/raster.node.js";

// Prints what plain SVG texts look like here, and what a chart and a sheet look like, as hashes.
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const plain = (text: string) =>
  rasterize(
    `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="30"><text x="4" y="20">${text}</text></svg>`,
    1,
  );
const image = { data: new Uint8Array(48).fill(90), width: 4, height: 4 };
console.log(
  JSON.stringify({
    plainTexts: [hash(await plain("iii")), hash(await plain("WWW"))],
    chart: hash(await renderPng(confusionMatrix([[12]], { classes: ["Żółć, Ωμέγα, Привет"] }))),
    sheet: hash(await pictureSheet({ pictures: [{ image, title: "a title", tone: "bad" }], title: "A sheet" })),
  }),
);
