/** @fai/vision: image data, models and what they got wrong. Needs Node; @fai/vision/models runs in browsers too. */
export type { AugmentOptions, CropOptions, Padding } from "./data/augment.js";
export {
  type DecodeOptions,
  decodeImage,
  defaultPixelLimit,
  type ImageHeader,
  type Region,
  type ResizeMode,
  readImageHeader,
} from "./data/decode.node.js";
export { type FromFolderOptions, type FromListsOptions, ImageData, type ImageDataOptions } from "./data/imageData.js";
export { ImageDataError, type SkippedPicture } from "./data/imageDataError.js";
export { ImageDataset, type ImageDatasetOptions } from "./data/imageDataset.js";
export { type ImageFolder, type ImageFolderOptions, scanImageFolder } from "./data/imageFolder.node.js";
export type { ImageLists, ListedImage } from "./data/imageLists.js";
export { ImageLoader } from "./data/imageLoader.js";
export type { LabelledImage } from "./data/labelledImages.js";
export { predictFiles } from "./data/predictFiles.node.js";
export { findBadImages, type VerifyOptions } from "./data/verify.node.js";
export { type Confusion, Interpretation, type InterpretationInput, type Verdict } from "./interpret.js";
export { VisionLearner, type VisionLearnerOptions, visionLearner } from "./learner.js";
export { createHead, type Head, type HeadOptions, ImageClassifier, withHead } from "./models/head.js";
export { type ImageStats, imagenetStats, normalize } from "./models/normalize.js";
export { type Architecture, ImagePredictor, type PictureFormat, type Prediction } from "./models/predictor.js";
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
} from "./models/resnet.js";
export { type ShowBatchOptions, type ShownPicture, showBatch, showVerdicts } from "./showBatch.js";
