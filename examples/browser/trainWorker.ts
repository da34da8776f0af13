import { manualSeed, softmax, type Tensor, tensor } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import { type Callback, Cancel, encodePredictor, type PredictorParts } from "@fai/train";
import type { Report, Request } from "./messages.js";
import { openDevice } from "./openDevice.js";
import { SketchDataset } from "./sketchData.js";
import { loadSketchPredictor } from "./sketchNet.js";
import { SketchTraining } from "./sketchTraining.js";
import { size } from "./strokes.js";

/** What answers questions: the network in training, or one from a file. */
let current: { readonly model: Module<Tensor, Tensor>; readonly parts: PredictorParts } | undefined;
let training = false;
let stopping = false;

function tell(report: Report): void {
  self.postMessage(report);
}

/** Probabilities [N, classes] of pictures. Between two steps of a training, which goes on as if nothing had been asked. */
function judge(model: Module<Tensor, Tensor>, pictures: Tensor): Tensor {
  const wasTraining = model.training;
  model.eval();
  const probabilities = softmax(model.call(pictures), -1);
  model.train(wasTraining);
  return probabilities;
}

async function train({ classes, train, valid, steps }: Extract<Request, { type: "train" }>): Promise<void> {
  manualSeed(0);
  const run = new SketchTraining({ classes, train, valid });
  current = run;
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const heldOut = valid.length > 0 ? new SketchDataset(valid).batch(Int32Array.from(valid.keys())).x : undefined;
  const callback: Callback = {
    beforeFit: ({ epochs, batches }) => tell({ type: "start", steps: epochs * batches }),
    beforeBatch: ({ training }) => {
      if (stopping && training) throw new Cancel("fit");
    },
    afterBatch: ({ training, history }) => {
      const loss = history.losses.at(-1);
      if (training && loss !== undefined) tell({ type: "step", step: history.losses.length, loss, seconds: seconds() });
    },
    afterEpoch: async ({ history }) => {
      const guesses = heldOut ? [...(await judge(run.model, heldOut).argmax(-1).data())] : [];
      const right = guesses.filter((guess, i) => guess === valid[i]!.label).length;
      tell({ type: "epoch", step: history.losses.length, accuracy: right / guesses.length, guesses });
    },
  };
  await run.run(steps, [callback]);
  tell({ type: "end", step: run.learner.history.losses.length, seconds: seconds() });
}

async function handle(request: Request): Promise<void> {
  switch (request.type) {
    case "open": {
      const { backend, words } = await openDevice(request.device);
      return tell({ type: "device", words, name: backend.name });
    }
    case "train":
      if (training) return;
      training = true;
      stopping = false;
      try {
        return await train(request);
      } finally {
        training = false;
      }
    case "stop":
      stopping = true;
      return;
    case "ask": {
      if (!current) return;
      const probabilities = judge(current.model, tensor(request.pixels, { shape: [1, size, size, 3] }));
      return tell({ type: "answer", probabilities: [...(await probabilities.data())] });
    }
    case "save": {
      if (!current) return;
      return tell({ type: "saved", bytes: await encodePredictor(current.parts) });
    }
    case "load": {
      const predictor = await loadSketchPredictor(request.bytes);
      current = { model: predictor.model, parts: predictor };
      return tell({ type: "loaded", classes: predictor.preparation.classes });
    }
  }
}

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  handle(data).catch((error: unknown) => {
    tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  });
});
