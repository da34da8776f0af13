import type { Load, Store } from "../../../backend.js";
import { type DType, isFloat } from "../../../dtype.js";
import type { Place } from "../kernel.js";
import { address } from "./space.js";

/** The memory that a kernel touches: places numbered in the order in which they are met, each once. */
export class Places {
  readonly list: Place[] = [];
  readonly #numbers = new Map<string, number>();

  /** The operand number of a place. */
  of(place: Place): number {
    const key = `${"slot" in place ? `s${place.slot}` : `w${place.workspace}`}${place.half ? " half" : ""}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.list.push(place) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }

  slot({ slot, dtype }: { readonly slot: number; readonly dtype: DType }): number {
    return this.of(dtype === "f16" ? { slot, half: true } : { slot });
  }
}

/** The scalars that a kernel uses, numbered. */
export class Scalars {
  readonly list: number[] = [];

  of(index: number): string {
    let at = this.list.indexOf(index);
    if (at < 0) at = this.list.push(index) - 1;
    return `$s${at}`;
  }
}

/** Where the points of an invocation are: coordinates by dim, the dim along which four lie, and its size when the last may be short. */
export interface Points {
  readonly width: 1 | 4;
  readonly coordinates: readonly string[];
  readonly along: number;
  readonly clampTo?: number;
}

/** True when a window's vectors of four along a dim start at multiples of four elements. */
export function isAligned(strides: readonly number[], offset: number, along: number): boolean {
  return offset % 4 === 0 && strides.every((s, d) => (d === along ? s === 1 : s % 4 === 0));
}

const isByte = (dtype: DType) => dtype === "u8" || dtype === "bool";

/** The WGSL value of a load; `strides` are over the points' coordinates. */
export function loadText(
  load: Load,
  strides: readonly number[],
  points: Points,
  places: Places,
  scalars: Scalars,
): string {
  const { width, coordinates, along, clampTo } = points;
  if (load.kind === "scalar") {
    const word = scalars.of(load.index);
    return isFloat(load.dtype) ? `F(bitcast<f32>(${word}))` : `I(${word})`;
  }
  const start = address(strides, load.offset, coordinates);
  const step = along < 0 ? 0 : strides[along]!;
  if (load.kind === "iota")
    return width === 1 || step === 0 ? `I(${start})` : `(I(${start}) + vec4i(0, 1, 2, 3) * ${step})`;
  const operand = places.slot(load);
  const byte = isByte(load.dtype);
  const one = (at: string) => (byte ? `lb${operand}(${at})` : `ld${operand}(${at})`);
  const bits = isFloat(load.dtype)
    ? (value: string) => `bitcast<F>(${value})`
    : (value: string) => `bitcast<I>(${value})`;
  if (width === 1) return byte ? one(start) : bits(one(start));
  if (step === 0) {
    if (byte) return `I(${one(start)})`;
    return isFloat(load.dtype) ? `F(bitcast<f32>(${one(start)}))` : `I(bitcast<i32>(${one(start)}))`;
  }
  if (clampTo === undefined && isAligned(strides, load.offset, along)) {
    if (byte) return `bytesOf(ld${operand}((${start}) >> 2))`;
    return bits(`ldv${operand}(${start})`);
  }
  const each = [0, 1, 2, 3].map((k) => {
    const moved = coordinates.map((c, d) => {
      if (d !== along) return c;
      return clampTo === undefined ? `(${c} + ${k})` : `min(${c} + ${k}, ${clampTo - 1})`;
    });
    return one(address(strides, load.offset, moved));
  });
  return byte ? `vec4i(${each.join(", ")})` : bits(`vec4u(${each.join(", ")})`);
}

/** WGSL functions between a word and its four bytes. */
export const byteFunctions = `fn bytesOf(word: u32) -> vec4i { return vec4i((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)); }
fn wordOf(bytes: vec4i) -> u32 {
  let b = bitcast<vec4u>(bytes) & vec4u(255u);
  return b.x | (b.y << 8u) | (b.z << 16u) | (b.w << 24u);
}`;

/** The WGSL statement that stores a register where a store points. */
export function storeText(
  store: Pick<Store, "dtype" | "offset">,
  operand: number,
  value: string,
  strides: readonly number[],
  { width, coordinates, along, clampTo }: Points,
): string {
  const start = address(strides, store.offset, coordinates);
  if (width === 1) {
    return isByte(store.dtype)
      ? `sb${operand}(${start}, bitcast<u32>(${value}) & 255u);`
      : `st${operand}(${start}, bitcast<u32>(${value}));`;
  }
  if (isByte(store.dtype)) return `st${operand}((${start}) >> 2, wordOf(${value}));`;
  if (clampTo === undefined || store.dtype === "f16") return `stv${operand}(${start}, bitcast<vec4u>(${value}));`;
  const c = coordinates[along]!;
  return [0, 1, 2, 3]
    .map((k) => `if (${c} + ${k} < ${clampTo}) { st${operand}(${start} + ${k}, bitcast<u32>(${value}[${k}])); }`)
    .join(" ");
}
