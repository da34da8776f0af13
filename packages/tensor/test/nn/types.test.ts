import { expectTypeOf, test } from "vitest";
import { hook } from "../../src/nn/hook.js";
import { type AnyModule, type InputOf, Module } from "../../src/nn/module.js";
import { Flatten, Identity, Lambda, Sequential } from "../../src/nn/sequential.js";
import type { Tensor } from "../../src/tensor.js";

interface Row {
  categories: Tensor;
  numbers: Tensor;
}
class Mix extends Module<Row, Tensor> {
  forward({ numbers }: Row): Tensor {
    return numbers;
  }
}

test("a sequence checks its chain and has the input of its first and the output of its last layer", () => {
  const a = new Sequential(new Mix(), new Flatten(), new Lambda((x: Tensor) => x.rank));
  expectTypeOf(a).toExtend<Module<Row, number>>();
  expectTypeOf<InputOf<typeof a>>().toEqualTypeOf<Row>();
  // @ts-expect-error Flatten gives a tensor, Mix takes a record
  new Sequential(new Flatten(), new Mix());
  // @ts-expect-error a number is no tensor
  new Sequential(new Lambda((x: Tensor) => x.rank), new Flatten());
  const list: Module<Tensor, Tensor>[] = [new Flatten(), new Identity()];
  expectTypeOf(new Sequential(...list)).toExtend<Module<Tensor, Tensor>>();
  expectTypeOf(new Sequential(new Flatten(), ...list)).toExtend<Module<Tensor, Tensor>>();
});

test("modules are invariant enough: a model for rows is no model for tensors", () => {
  const takesTensor = (model: Module<Tensor, Tensor>): AnyModule => model;
  takesTensor(new Flatten());
  // @ts-expect-error its input is a record
  takesTensor(new Mix());
});

test("a hook's function is typed by the layer's output", () => {
  using _tap = hook(new Flatten(), (y) => expectTypeOf(y).toEqualTypeOf<Tensor>());
});
