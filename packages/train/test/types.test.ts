import type { Tensor } from "@fai/tensor";
import { crossEntropy, Linear, Module, mse } from "@fai/tensor/nn";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  ArrayDataset,
  accuracy,
  adam,
  type Batch,
  type Callback,
  DataLoader,
  type EpochRow,
  type EventName,
  fit,
  type History,
  Learner,
  type LrFindResult,
  type Optimizer,
  type OptimizerFactory,
  type Predictions,
  type Run,
  sgd,
} from "../src/index.js";

/** A model of two inputs. */
class Pair extends Module<{ a: Tensor; b: Tensor }, Tensor> {
  forward({ a, b }: { a: Tensor; b: Tensor }): Tensor {
    return a.add(b);
  }
}

const column = { data: new Float32Array(4) };
const single = { train: new DataLoader(new ArrayDataset({ x: column, y: column })) };
const pair = { train: new DataLoader(new ArrayDataset({ x: { a: column, b: column }, y: column })) };
const half = { train: new DataLoader(new ArrayDataset({ x: { a: column }, y: column })) };
const loss = (output: Tensor, target: Tensor) => mse(output, target);

// Nothing of this runs: tsc holds each line against the types, and an error that is expected and missing is one.
describe("types", () => {
  it("know what goes in and what comes out", () => {
    const learner = new Learner(single, new Linear(1, 1), { loss });
    expectTypeOf(learner).toEqualTypeOf<Learner<Tensor, Tensor, Tensor>>();
    expectTypeOf<Awaited<ReturnType<typeof learner.fit>>>().toEqualTypeOf<EpochRow[]>();
    expectTypeOf<Awaited<ReturnType<typeof learner.lrFind>>>().toEqualTypeOf<LrFindResult>();
    expectTypeOf<Awaited<ReturnType<typeof learner.predictAll>>>().toEqualTypeOf<Predictions<Tensor>>();
    expectTypeOf(learner.optimizer).toEqualTypeOf<Optimizer>();
    expectTypeOf(learner.history).toEqualTypeOf<History>();
    expectTypeOf(sgd()).toExtend<OptimizerFactory>();
    expectTypeOf(new Learner(pair, new Pair(), { loss })).toEqualTypeOf<
      Learner<{ readonly a: Tensor; readonly b: Tensor }, Tensor, Tensor>
    >();
    expectTypeOf(pair.train[Symbol.asyncIterator]().next).returns.resolves.toExtend<
      IteratorResult<Batch<unknown, unknown>, void>
    >();
    expectTypeOf<"afterBatch">().toExtend<EventName>();
    expectTypeOf<NonNullable<Callback<Tensor, Tensor, Tensor>["afterLoss"]>>()
      .parameter(0)
      .toEqualTypeOf<Run<Tensor, Tensor, Tensor>>();
  });

  it("refuse a wrong event name in an object callback", () => {
    const wrong = () => [
      // @ts-expect-error: no such event
      new Learner(single, new Linear(1, 1), { loss, callbacks: [{ afterBach: () => {} }] }),
      // @ts-expect-error: no such event
      new Learner(single, new Linear(1, 1), { loss }).fit(0.1, { callbacks: [{ onEpochEnd: () => {} }] }),
      // @ts-expect-error: an event is a function
      { afterBatch: 3 } satisfies Callback,
    ];
    expect(wrong).toBeTypeOf("function");
  });

  it("refuse a model that does not take the data", () => {
    const wrong = () => [
      // @ts-expect-error: the data has one input, the model takes a record
      new Learner(single, new Pair(), { loss }),
      // @ts-expect-error: the data gives only a part of the record
      new Learner(half, new Pair(), { loss }),
      // @ts-expect-error: the data gives a record, the model takes a tensor
      new Learner(pair, new Linear(1, 1), { loss }),
      // @ts-expect-error: the bare fit neither
      fit(new Pair(), half, { epochs: 1, optimizer: adam(), loss }),
      // @ts-expect-error: the loss is of other targets
      new Learner(single, new Linear(1, 1), { loss: (o: Tensor, t: { label: Tensor }) => crossEntropy(o, t.label) }),
      // @ts-expect-error: data that is set later has to fit, too
      new Learner(single, new Linear(1, 1), { loss }).setData(pair),
    ];
    expect(wrong).toBeTypeOf("function");
  });

  it("refuse a typo in an option", () => {
    const learner = new Learner(single, new Linear(1, 1), { loss });
    const wrong = () => [
      // @ts-expect-error: metrics
      new Learner(single, new Linear(1, 1), { loss, metric: { accuracy } }),
      // @ts-expect-error: cycleLength
      learner.fit(0.1, { cycles: 3, cycleLen: 1 }),
      // @ts-expect-error: one cycle brings its own schedule
      learner.fitOneCycle(0.1, { cycleLength: 1 }),
      // @ts-expect-error: end
      learner.lrFind({ ende: 1 }),
      // @ts-expect-error: epsilon
      adam({ eps: 1e-5 }),
      // @ts-expect-error: a rate is a number, a list or a range
      learner.fit("0.1"),
      // @ts-expect-error: epochs is needed
      fit(new Linear(1, 1), single, { optimizer: sgd(), loss }),
    ];
    expect(wrong).toBeTypeOf("function");
  });

  it("are checked again at run time where types cannot see: a class with a misspelt event", () => {
    class Misspelt {
      afterEpoc() {}
      afterBatch() {}
    }
    const act = () => new Learner(single, new Linear(1, 1), { loss, callbacks: [new Misspelt()] });
    expect(act).toThrow("[callback] Misspelt has a member afterEpoc, which is no event. Is afterEpoch meant?");
  });
});
