/** @fai/plot/node: specifications as SVG, PNG and pages, and sheets of pictures, in Node without a DOM and without fonts. */
export { type PictureSheetOptions, pictureSheet, type SheetPicture } from "./pictureSheet.node.js";
export type { Enlarging, PictureLike, RawPicture } from "./raster.node.js";
export { type RenderPngOptions, renderPng } from "./renderPng.node.js";
export { type RenderSvgOptions, renderSvg } from "./renderSvg.node.js";
export { savePlot } from "./savePlot.node.js";
