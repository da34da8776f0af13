import { beforeEach, describe, expect, it, test } from "vitest";
import { type Cell, discard, Parameter, State } from "../src/cell.js";
import { TensorError } from "../src/errors.js";
import { gradients } from "../src/gradients.js";
import { BatchNorm1d } from "../src/nn/batchNorm.js";
import { bceWithLogits } from "../src/nn/binaryCrossEntropy.js";
import { Conv2d } from "../src/nn/conv.js";
import { crossEntropy } from "../src/nn/crossEntropy.js";
import { Dropout } from "../src/nn/dropout.js";
import { Embedding } from "../src/nn/embedding.js";
import { Linear } from "../src/nn/linear.js";
import { mse } from "../src/nn/loss.js";
import { LSTM } from "../src/nn/recurrent.js";
import { conv2d, maxPool2d } from "../src/ops/contract.js";
import { checkFinite } from "../src/ops/gather.js";
import { arange, ones, tensor, zeros } from "../src/ops/generate.js";
import { stack } from "../src/ops/joining.js";
import { concat } from "../src/ops/movement.js";
import { realize } from "../src/realize.js";
import type { Tensor } from "../src/tensor.js";

type Row = [name: string, act: () => unknown, message: string];

const i32 = { dtype: "i32" } as const;

const shapes: Row[] = [
  [
    "sizes that do not broadcast",
    () => zeros([2, 3]).add(zeros([4])),
    "[add] shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 of axis -1 differ. Add an axis of size 1 with unsqueeze(), or reshape one of them?",
  ],
  [
    "inner sizes of a product",
    () => zeros([64, 10]).matmul(zeros([12, 5])),
    "[matmul] inner sizes differ: [64, 10] x [12, 5] (10 and 12). The last axis of the first meets the last but one of the second.",
  ],
  [
    "a reshape to another size",
    () => zeros([2, 3]).reshape(4),
    "[reshape] [2, 3] has 6 elements, [4] has 4. Let one size be -1?",
  ],
  [
    "a reshape that does not divide",
    () => zeros([2, 3]).reshape(4, -1),
    "[reshape] [2, 3] has 6 elements, [4, -1] needs a multiple of 4.",
  ],
  [
    "an expand of a longer axis",
    () => zeros([2, 3]).expand(4, 3),
    "[expand] [2, 3] does not expand to [4, 3]: only axes of size 1 and new leading axes do.",
  ],
  ["an axis that is not there", () => zeros([2, 3]).sum(2), "[sum] axis 2 is out of range for 2 dimensions (-2 to 1)."],
  [
    "a slice position out of range",
    () => zeros([2, 3]).slice(5),
    "[slice] index 5 is out of range for axis 0 of [2, 3] (-2 to 1).",
  ],
  [
    "concatenating unequal sizes",
    () => concat([zeros([2, 3]), zeros([2, 4])], 0),
    "[concat] tensor 1 has shape [2, 4], the first has [2, 3]: all axes but 0 must agree. Scalars need stack()?",
  ],
  [
    "stacking unequal shapes",
    () => stack([zeros([2]), zeros([3])]),
    "[stack] tensor 1 has shape [3], the first has [2]. Pad them to one shape?",
  ],
  [
    "a permutation that repeats an axis",
    () => zeros([2, 3]).permute(0, 0),
    "[permute] order [0, 0] does not name each of the 2 axes of [2, 3] once.",
  ],
  [
    "channels of a convolution",
    () => conv2d(zeros([1, 3, 8, 8]), zeros([4, 1, 3, 3])),
    "[conv2d] the input has 3 channels, the weight [4, 1, 3, 3] with groups 1 expects 1. Is the input [N, C, H, W]?",
  ],
  [
    "a window larger than the image",
    () => maxPool2d(zeros([1, 1, 2, 2]), 3),
    "[maxPool2d] a window [3, 3] does not fit an image [2, 2]. Pad the image, or use a smaller window?",
  ],
  [
    "features of a linear layer",
    () => new Linear(10, 2).call(zeros([4, 12])),
    "[Linear] the input has shape [4, 12], expected [..., 10] for a weight [2, 10].",
  ],
  [
    "images that were not flattened",
    () => new Linear(784, 2).call(zeros([4, 28, 28])),
    "[Linear] the input has shape [4, 28, 28], expected [..., 784] for a weight [2, 784]. Flatten the input first?",
  ],
  [
    "channels of a batch norm",
    () => new BatchNorm1d(3).call(zeros([4, 5])),
    "[BatchNorm1d] the input has shape [4, 5], expected [N, C] or [N, C, L] with 3 channels on axis 1.",
  ],
  [
    "one row to a batch norm in training",
    () => new BatchNorm1d(3).call(zeros([1, 3])),
    "[BatchNorm1d] [1, 3] has one value a channel, which has no variance to train on. Drop the last batch, or call eval()?",
  ],
  [
    "features of an LSTM",
    () => new LSTM(3, 4).call(zeros([2, 1, 5])),
    "[LSTM] the input has shape [2, 1, 5], expected [T, B, 3] with at least one step.",
  ],
  [
    "a state of another batch size",
    () => new LSTM(3, 4).call({ input: zeros([2, 1, 3]), state: { hidden: zeros([1, 2, 4]), cell: zeros([1, 2, 4]) } }),
    "[LSTM] the state has shape [1, 2, 4], expected [layers * directions, B, hiddenSize] = [1, 1, 4].",
  ],
  [
    "a column against a vector",
    () => mse(zeros([5, 1]), zeros([5])),
    "[mse] the prediction has shape [5, 1], the target [5]: they must be equal. Use prediction.squeeze(-1) or target.unsqueeze(-1)?",
  ],
  [
    "a vector against a column",
    () => bceWithLogits(zeros([5]), zeros([5, 1])),
    "[bceWithLogits] the prediction has shape [5], the target [5, 1]: they must be equal. Use target.squeeze(-1) or prediction.unsqueeze(-1)?",
  ],
  [
    "targets of another batch size",
    () => crossEntropy(zeros([4, 10]), zeros([5], i32)),
    "[crossEntropy] the input has shape [4, 10], the targets are i32 [5]; expected indices [4], or probabilities [4, 10].",
  ],
  [
    "a value of another shape for a parameter",
    () => new Parameter(tensor([1, 2]), "bias").set(zeros([3])),
    "[set] bias holds f32 [2], not f32 [3]. Reshape or cast the value?",
  ],
  ["item() of several elements", () => zeros([2]).item(), "[item] [2] has 2 elements, item() reads one. Use data()?"],
];

const dtypes: Row[] = [
  [
    "an embedding of floats",
    () => new Embedding(3, 2).call(zeros([2])),
    '[Embedding] indices have dtype f32, expected i32. Convert them with .cast("i32")?',
  ],
  [
    "an index of floats",
    () => zeros([2, 3]).gather(0, zeros([2, 3])),
    '[gather] the index has dtype f32, expected i32. Convert it with .cast("i32")?',
  ],
  [
    "class indices as floats",
    () => crossEntropy(zeros([4, 10]), zeros([4])),
    '[crossEntropy] the input has shape [4, 10], the targets are f32 [4]; expected indices [4], or probabilities [4, 10]. Class indices are whole numbers: target.cast("i32")?',
  ],
  [
    "a fraction as i32",
    () => tensor([1, 2.5], i32),
    '[tensor] element 1 is 2.5, which i32 does not hold. Use dtype "f32", or round first?',
  ],
  [
    "a value of another dtype for a state",
    () => new State(tensor([1], i32), "count").set(zeros([1])),
    "[set] count holds i32 [1], not f32 [1]. Reshape or cast the value?",
  ],
  [
    "derivatives of whole numbers",
    () => gradients(tensor([1], i32).sum(), []),
    "[gradients] the loss has dtype i32, only floats have derivatives. Is it a count? Use a loss like crossEntropy or mse.",
  ],
  [
    "a convolution of bytes",
    () => new Conv2d(1, 2, { kernelSize: 3 }).call(zeros([1, 1, 4, 4], { dtype: "u8" }).matmul(zeros([4, 4]))),
    '[matmul] the left operand has dtype u8, expected f32 or f16. Convert it with .cast("f32")?',
  ],
];

const values: Row[] = [
  [
    "ragged lists",
    () =>
      tensor([
        [1, 2, 3],
        [4, 5],
      ]),
    "[tensor] ragged lists: one of 2 elements where 3 are expected. Pad them?",
  ],
  [
    "lists of unequal depth",
    () => tensor([[1, 2], 3]),
    "[tensor] lists of unequal depth: a number stands where a list of 2 is expected. Wrap it in one?",
  ],
  [
    "a string among numbers",
    () => tensor([1, "2" as unknown as number]),
    "[tensor] expected numbers, got string (2). Convert it with Number(...)?",
  ],
  [
    "too few elements for a shape",
    () => tensor([1, 2, 3], { shape: [2, 2] }),
    "[tensor] 3 elements do not fill shape [2, 2], which has 4.",
  ],
  ["a size below zero", () => zeros([2, -1]), "[full] [2, -1] is no shape: sizes are integers of at least 0."],
  [
    "an endless range",
    () => arange(0, 10, 0),
    "[arange] from 0 to 10 by 0 has no end. Give a finite step that is not 0.",
  ],
  ["a dropout of 2", () => new Dropout(2), "[Dropout] p is 2, expected a probability from 0 to 1."],
  [
    "a list where a tensor belongs",
    () => zeros([2]).add([1, 2] as unknown as number),
    "[add] expected a tensor, a parameter or a number, got an array. Wrap data in tensor(...)?",
  ],
  [
    "nothing where a tensor belongs",
    () => zeros([2]).add(undefined as unknown as number),
    "[add] expected a tensor, a parameter or a number, got undefined. Wrap data in tensor(...)?",
  ],
  [
    "JavaScript's plus",
    () => (zeros([]) as unknown as number) + 1,
    "[valueOf] a tensor is no number: use await t.item(), and t.add(u) instead of t + u.",
  ],
  [
    "derivatives of several numbers",
    () => gradients(zeros([3]), []),
    "[gradients] the loss has shape [3], expected one number. Take its mean() or sum()?",
  ],
  [
    "a tensor that the loss does not use",
    () => gradients(ones([]).mul(2), [new Parameter(tensor([1, 2]), "head.bias")]),
    '[gradients] the loss does not depend on head.bias [2]. Is it used in forward, and nothing detached? Pass {unused: "zeros"} to get zeros.',
  ],
];

/** Asserts the whole message, whether the call throws or its promise rejects. */
async function expectError(act: () => unknown, message: string): Promise<void> {
  let thrown: unknown;
  try {
    await act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TensorError);
  expect((thrown as TensorError).message).toBe(message);
}

beforeEach(() => discard());

describe("shapes", () => test.each(shapes)("%s", (_, act, message) => expectError(act, message)));
describe("dtypes", () => test.each(dtypes)("%s", (_, act, message) => expectError(act, message)));
describe("values", () => test.each(values)("%s", (_, act, message) => expectError(act, message)));

/** The bits of cells, which tell -0 from 0 and one NaN from another. */
async function bits(cells: readonly Cell[]): Promise<number[][]> {
  return Promise.all(cells.map(async (cell) => [...new Uint32Array((await cell.value.data<"f32">()).buffer)]));
}

describe("what only the device can see stops the whole step, and nothing has changed", () => {
  class Words {
    readonly table = new Embedding(5, 3);
    readonly head = new Linear(3, 2);
    readonly seen = new State(tensor([0]), "seen");
    readonly cells = [...this.table.parameters(), ...this.head.parameters(), this.seen];

    constructor() {
      this.table.weight.name = "table.weight";
    }

    /** Queues one step of gradient descent and counts it; gives the loss. */
    step(words: number[], labels: number[], lr = 0.1): Tensor {
      const parameters = [this.table, this.head].flatMap((layer) => layer.parameters());
      const loss = checkFinite(
        crossEntropy(this.head.call(this.table.call(tensor(words, i32))), tensor(labels, i32)),
        "the loss",
      );
      const found = gradients(loss, parameters);
      for (const [i, parameter] of parameters.entries()) parameter.set(parameter.value.sub(found[i]!.mul(lr)));
      this.seen.set(this.seen.value.add(1));
      return loss;
    }
  }
  const ids = "Are category, token or class ids encoded with the table that the model was made for?";

  test.each<[string, (model: Words) => Tensor, string]>([
    [
      "a word beyond the table",
      (model) => model.step([1, 5], [0, 1]),
      `[gather] index 5 is out of range for axis 0 of [5, 3] (valid: 0 to 4); nothing was updated. ${ids}`,
    ],
    [
      "a word below zero",
      (model) => model.step([-1, 2], [0, 1]),
      `[gather] index -1 is out of range for axis 0 of [5, 3] (valid: 0 to 4); nothing was updated. ${ids}`,
    ],
    [
      "a class beyond the last",
      (model) => model.step([1, 2], [0, 7]),
      `[gather] index 7 is out of range for axis 0 of [2] (valid: 0 to 1); nothing was updated. ${ids}`,
    ],
    [
      "a loss that is not a number",
      (model) => {
        model.head.weight.load(
          tensor([
            [Number.NaN, 0, 0],
            [0, 0, 0],
          ]),
        );
        return model.step([1, 2], [0, 1]);
      },
      "[checkFinite] the loss is not finite (NaN or infinite); nothing was updated. Lower the learning rate, clip gradients, or look for bad input.",
    ],
  ])("%s", async (_, act, message) => {
    const model = new Words();
    await model.step([0, 4], [1, 0]).item();
    let loss: Tensor | undefined;
    let before: number[][] = [];
    await expectError(async () => {
      loss = act(model);
      const queued = model.cells.map((cell) => cell.committed);
      before = await Promise.all(queued.map(async (t) => [...new Uint32Array((await t.data<"f32">()).buffer)]));
      await loss.item();
    }, message);
    expect(await bits(model.cells)).toEqual(before);
    expect(before.at(-1)).toEqual([...new Uint32Array(Float32Array.of(1).buffer)]);
  });

  it("a good step after a bad one goes through", async () => {
    const model = new Words();
    await expect(model.step([9], [0]).item()).rejects.toThrow("[gather] index 9");
    const [before] = await bits(model.cells);
    expect(await model.step([1], [0]).item()).toBeGreaterThan(0);
    expect((await bits(model.cells))[0]).not.toEqual(before);
  });
});

describe("overwritten versions", () => {
  const overwrite = async () => {
    const weight = new Parameter(tensor([1, 2]), "layer.weight");
    const old = weight.value;
    const late = old.mul(3);
    await realize(weight.value.add(0)); // on the device now: the host copy is gone
    weight.set(weight.value.add(1));
    await realize();
    return { old, late };
  };

  it("computing from one says which, and what to do", async () => {
    const { late } = await overwrite();
    await expectError(
      () => late.data(),
      "[realize] the graph reads layer.weight v0, now v1: its memory holds the newer version. Compute or keep() what needs the old one before the step.",
    );
  });

  it("reading one says which, and what to do", async () => {
    const { old } = await overwrite();
    await expectError(
      () => old.data(),
      "[data] layer.weight v0 was overwritten, it is now v1. Read it before the step, or read the cell's value.",
    );
  });
});
