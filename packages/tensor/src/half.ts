import type { DType, HostArray } from "./dtype.js";

/** The number of an IEEE half. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The IEEE half nearest to x, ties to even; infinite from 65520 on. */
export function floatToHalf(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const a = Math.abs(x);
  if (Number.isNaN(a)) return 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  if (a < 2 ** -14) return sign | roundEven(a * 2 ** 24); // a carry into the exponent gives the smallest normal number
  const exponent = Math.floor(Math.log2(a));
  return sign | (((exponent + 14) << 10) + roundEven((a / 2 ** exponent) * 1024)); // 1024..2048: the leading 1 adds to the exponent
}

function roundEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

/** Host data of `dtype` as numbers: the values of halves, everything else as it is. */
export function hostNumbers(data: HostArray, dtype: DType): Exclude<HostArray, Uint16Array> {
  return dtype === "f16" ? Float32Array.from(data, halfToFloat) : (data as Exclude<HostArray, Uint16Array>);
}

/** Numbers as host data of `dtype`: halves as bits, everything else as it is. */
export function hostBits(data: HostArray, dtype: DType): HostArray {
  return dtype === "f16" && !(data instanceof Uint16Array) ? Uint16Array.from(data, floatToHalf) : data;
}
