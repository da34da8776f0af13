import { type Parameter, TensorError } from "@fai/tensor";
import { type AnyModule, Sequential } from "@fai/tensor/nn";

/** Layers of a model in groups, from the input's to the output's: lists of modules. */
export type LayerGroups = readonly (readonly AnyModule[])[];

/** Rates from `from` for the first group to `to` for the last, by equal factors; without `from`, a tenth of `to` for all but the last. */
export interface RateRange {
  readonly from?: number;
  readonly to: number;
}

/** One learning rate, one a layer group, or a range to spread over them (differential learning rates). */
export type Rates = number | readonly number[] | RateRange;

/** A model that knows its own layer groups. */
interface Grouped {
  layerGroups(): LayerGroups;
}

/** The groups of a model: those given, those it names itself (`layerGroups()`), the children of a Sequential, else one. */
export function layerGroups(model: AnyModule, given?: LayerGroups): LayerGroups {
  const own = (model as Partial<Grouped>).layerGroups;
  if (given) return given;
  if (typeof own === "function") return own.call(model);
  if (model instanceof Sequential && model.length > 0) return model.children().map((child) => [child]);
  return [[model]];
}

/** The parameters of each group; one of several groups (tied weights) belongs to the first. Throws when one is in none. */
export function groupParameters(model: AnyModule, groups: LayerGroups): Parameter[][] {
  const taken = new Set<Parameter>();
  const lists = groups.map((modules) => {
    const list = modules.flatMap((module) => module.parameters()).filter((parameter) => !taken.has(parameter));
    for (const parameter of list) taken.add(parameter);
    return [...new Set(list)];
  });
  for (const [name, parameter] of model.namedParameters()) {
    if (!taken.has(parameter)) {
      throw new TensorError("layerGroups", `${name} is in none of the ${groups.length} layer groups.`);
    }
  }
  return lists;
}

/** One value a group: a single one for each, or the list itself. Throws, naming both counts, when they differ. */
export function onePerGroup(op: string, what: string, value: number | readonly number[], count: number): number[] {
  const list = typeof value === "number" ? Array.from({ length: count }, () => value) : [...value];
  if (list.length !== count) {
    throw new TensorError(op, `${list.length} ${what} for ${count} layer groups. Give one, or one a group.`);
  }
  return list;
}

/** The rate of each group. Throws on a rate that is no number of at least 0, and on a list of another length. */
export function groupRates(op: string, rates: Rates, count: number): number[] {
  const list = isRange(rates) ? spread(rates, count) : onePerGroup(op, "learning rates", rates, count);
  for (const lr of list) {
    if (!(lr >= 0)) throw new TensorError(op, `lr is ${lr}, expected a number of at least 0.`);
  }
  return list;
}

function isRange(rates: Rates): rates is RateRange {
  return typeof rates === "object" && !Array.isArray(rates);
}

function spread({ from, to }: RateRange, count: number): number[] {
  if (from === undefined) return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : to / 10));
  if (count === 1) return [to];
  if (!(from > 0 && to > 0)) throw new TensorError("lr", `a range from ${from} to ${to}: both have to be above 0.`);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : from * (to / from) ** (i / (count - 1))));
}

/** Group `n` counted from the end when negative. Throws when there is none; `count` itself freezes all. */
export function groupIndex(op: string, n: number, count: number): number {
  const index = n < 0 ? count + n : n;
  if (Number.isInteger(n) && index >= 0 && index <= count) return index;
  throw new TensorError(op, `there is no layer group ${n} among ${count}.`);
}
