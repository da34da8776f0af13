/** @fai/vision/models: networks for pictures; imports the core alone, so a page that only predicts loads no more. */
export { createHead, type Head, type HeadOptions, ImageClassifier, withHead } from "./head.js";
export { type ImageStats, imagenetStats, normalize } from "./normalize.js";
export { type Architecture, ImagePredictor, type PictureFormat, type Prediction } from "./predictor.js";
export {
  BasicBlock,
  ResNet,
  ResNetBody,
  type ResNetBodyOptions,
  type ResNetOptions,
  resnet,
  resnet18,
  resnet34,
  type SmallResnetOptions,
  type StemOptions,
  smallResnet,
} from "./resnet.js";
