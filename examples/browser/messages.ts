import type { DeviceChoice } from "./openDevice.js";
import type { Sketch } from "./sketchData.js";

/** What the page asks of its worker. */
export type Request =
  | { readonly type: "open"; readonly device: DeviceChoice }
  | {
      readonly type: "train";
      readonly classes: readonly string[];
      readonly train: readonly Sketch[];
      readonly valid: readonly Sketch[];
      readonly steps: number;
    }
  | { readonly type: "stop" }
  | { readonly type: "ask"; readonly pixels: Uint8Array<ArrayBuffer> }
  | { readonly type: "save" }
  | { readonly type: "load"; readonly bytes: Uint8Array };

/** What the worker tells the page. */
export type Report =
  | { readonly type: "device"; readonly words: string; readonly name: string }
  | { readonly type: "start"; readonly steps: number }
  | { readonly type: "step"; readonly step: number; readonly loss: number; readonly seconds: number }
  | {
      readonly type: "epoch";
      readonly step: number;
      /** Of the pictures that were held out: the share that is right (NaN without any), and the class that each is taken for. */
      readonly accuracy: number;
      readonly guesses: readonly number[];
    }
  | { readonly type: "end"; readonly step: number; readonly seconds: number }
  | { readonly type: "answer"; readonly probabilities: readonly number[] }
  | { readonly type: "saved"; readonly bytes: Uint8Array }
  | { readonly type: "loaded"; readonly classes: readonly string[] }
  | { readonly type: "failed"; readonly message: string };
