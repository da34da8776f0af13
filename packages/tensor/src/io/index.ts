export { type DecodePytorchOptions, decodePytorch, type PytorchContent } from "./pytorch.js";
export type { PickleValue } from "./pytorchPickle.js";
export {
  type DecodeOptions,
  decodeSafetensors,
  type EncodeOptions,
  encodeSafetensors,
  type NamedTensors,
  type SafetensorsContent,
} from "./safetensors.js";
export { type LoadOptions, type LoadResult, loadStateDict, stateDict, torchName } from "./stateDict.js";
export type { StorageType } from "./storage.js";
