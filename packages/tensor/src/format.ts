import { type DType, type HostArray, isFloat } from "./dtype.js";
import { contiguousStrides, type Shape, sizeOf } from "./shape.js";

/** Above this many elements, axes show only their edges. */
const threshold = 1000;
const edgeItems = 3;
const lineWidth = 80;
const digits = 4;

/** Row-major elements as text, in the way PyTorch prints tensors; i32 takes the place of its int64 as the type that is not named. */
export function formatTensor(data: HostArray, shape: Shape, dtype: DType): string {
  const prefix = "tensor(";
  const indent = prefix.length;
  if (sizeOf(shape) === 0) {
    const size = shape.length === 1 ? [] : [`size=(${shape.join(", ")})`];
    return withSuffixes(`${prefix}[]`, dtype === "f32" ? size : [...size, `dtype=${dtype}`], indent);
  }
  const summarize = data.length > threshold;
  const view: View = { data, strides: contiguousStrides(shape), shape, summarize, print: () => "", width: 0 };
  const format = formatOf(shownElements(view, 0, 0), dtype);
  return withSuffixes(
    prefix + written({ ...view, ...format }, 0, 0, indent),
    dtype === "u8" || dtype === "f16" ? [`dtype=${dtype}`] : [],
    indent,
  );
}

interface Format {
  print(value: number): string;
  /** Of the widest element. */
  width: number;
}

interface View extends Format {
  data: HostArray;
  shape: Shape;
  strides: readonly number[];
  summarize: boolean;
}

/** The positions of an axis that are shown; -1 stands for "...". */
function positions({ shape, summarize }: View, axis: number): number[] {
  const size = shape[axis]!;
  const from = (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i);
  if (!summarize || size <= 2 * edgeItems) return from(0, size);
  return [...from(0, edgeItems), -1, ...from(size - edgeItems, edgeItems)];
}

function shownElements(view: View, axis: number, offset: number): number[] {
  if (axis === view.shape.length) return [view.data[offset]!];
  const shown = positions(view, axis).filter((i) => i >= 0);
  return shown.flatMap((i) => shownElements(view, axis + 1, offset + i * view.strides[axis]!));
}

function written(view: View, axis: number, offset: number, indent: number): string {
  const rank = view.shape.length;
  if (rank === 0) return view.print(view.data[0]!);
  const at = (i: number) => offset + i * view.strides[axis]!;
  if (axis === rank - 1) {
    const items = positions(view, axis).map((i) => (i < 0 ? " ..." : view.print(view.data[at(i)]!)));
    const perLine = Math.max(1, Math.floor((lineWidth - indent) / (view.width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(", "));
    return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
  }
  const parts = positions(view, axis).map((i) => (i < 0 ? "..." : written(view, axis + 1, at(i), indent + 1)));
  return `[${parts.join(`,${"\n".repeat(rank - axis - 1)}${" ".repeat(indent + 1)}`)}]`;
}

function withSuffixes(text: string, suffixes: readonly string[], indent: number): string {
  let result = text;
  let lastLine = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    const fits = lastLine + suffix.length + 2 <= lineWidth;
    result += fits ? `, ${suffix}` : `,\n${" ".repeat(indent)}${suffix}`;
    lastLine = fits ? lastLine + suffix.length + 2 : indent + suffix.length;
  }
  return `${result})`;
}

/** One format for all elements: whole numbers, fixed point, or scientific when their sizes are far apart. */
function formatOf(values: readonly number[], dtype: DType): Format {
  if (!isFloat(dtype)) {
    return padded(dtype === "bool" ? (v) => (v ? "True" : "False") : String, values);
  }
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0);
  const sizes = finite.map(Math.abs);
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const smallest = sizes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (finite.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4))
    return padded(scientific, finite);
  if (!finite.every(Number.isInteger)) return padded((v) => fixed(v, digits), finite);
  return padded((v) => (Number.isFinite(v) ? `${fixed(v, 0)}.` : fixed(v, 0)), finite);
}

function padded(print: (value: number) => string, values: readonly number[]): Format {
  const width = values.reduce((w, v) => Math.max(w, print(v).length), 1);
  return { width, print: (v) => print(v).padStart(width) };
}

function special(value: number): string {
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

function minus(value: number): string {
  return value < 0 || Object.is(value, -0) ? "-" : "";
}

/** Python's fixed-point text: exact ties round to the even digit, where JavaScript rounds up. */
function fixed(value: number, places: number): string {
  if (!Number.isFinite(value)) return special(value);
  const size = Math.abs(value);
  const text = size.toFixed(places);
  return (
    minus(value) +
    (isTie(size.toFixed(60), text)
      ? size
          .toFixed(places + 1)
          .slice(0, -1)
          .replace(/\.$/, "")
      : text)
  );
}

/** Python's scientific text: a sign and at least two digits of the exponent. */
function scientific(value: number): string {
  if (!Number.isFinite(value)) return special(value);
  const size = Math.abs(value);
  const [mantissa, exponent] = size.toExponential(digits).split("e") as [string, string];
  const [exact] = size.toExponential(60).split("e") as [string];
  const even = isTie(exact, mantissa)
    ? size
        .toExponential(digits + 1)
        .split("e")[0]!
        .slice(0, -1)
    : mantissa;
  return `${minus(value)}${even}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** Whether `exact` lies halfway between `rounded`, whose last digit is odd, and the number below. */
function isTie(exact: string, rounded: string): boolean {
  const places = rounded.includes(".") ? rounded.length - rounded.indexOf(".") - 1 : 0;
  const rest = exact.slice(exact.indexOf(".") + 1 + places);
  return /^50*$/.test(rest) && Number(rounded.at(-1)) % 2 === 1;
}
