import type { MapGroup, Slot } from "../../../backend.js";
import { byteSize } from "../../../dtype.js";
import { entry, type Kernel } from "../kernel.js";
import { functionsFor } from "./functions.js";
import { instructionLines, typed } from "./instructions.js";
import { byteFunctions, isAligned, loadText, Places, type Points, Scalars, storeText } from "./memoryText.js";
import { collapse, walk } from "./space.js";

/** The kernel of a map group: an invocation computes one point, or four along the innermost dim. */
export function mapKernels(group: MapGroup, slots: readonly Slot[]): Kernel[] {
  if (group.dims.includes(0)) return [];
  const moving = group.loads.flatMap((load) => (load.kind === "scalar" ? [] : [load.strides]));
  const { dims, lists } = collapse(group.dims, [...moving, ...group.stores.map((s) => s.strides)]);
  const stores = group.stores.map((store, k) => ({ ...store, strides: lists[moving.length + k]! }));
  const along = dims.length - 1;
  const hasNarrow = stores.some(({ dtype }) => byteSize[dtype] < 4);
  const aligned = along >= 0 && stores.every(({ strides, offset }) => isAligned(strides, offset, along));
  const whole = aligned && dims[along]! % 4 === 0;
  // A short last vector of bytes or halves may only be written where nothing follows in the slot.
  const padded =
    aligned &&
    along === 0 &&
    hasNarrow &&
    stores.every(
      ({ dtype, slot, offset }) =>
        byteSize[dtype] === 4 || (offset + dims[0]!) * byteSize[dtype] === slots[slot]!.bytes,
    );
  const width = whole || padded ? 4 : 1;
  const memory = width === 4 ? "vectors" : hasNarrow ? "atomics" : "words";

  const places = new Places();
  const scalars = new Scalars();
  const coordinates = dims.map((_, d) => `c${d}`);
  const points: Points = { width, coordinates, along, ...(whole || width === 1 ? {} : { clampTo: dims[0]! }) };
  let next = 0;
  const loads = group.loads.map((load, k) => {
    const strides = load.kind === "scalar" ? [] : lists[next++]!;
    return `let r${k} = ${loadText(load, strides, points, places, scalars)};`;
  });
  const writes = stores.map((store) =>
    storeText(store, places.slot(store), `r${store.register}`, store.strides, points),
  );
  const { workgroup, grid, lines } = walk(dims, width, coordinates);
  const body = [...loads, ...instructionLines(group.loads, group.instructions), ...writes].map((line) => `  ${line}`);
  const code = typed([entry(workgroup), ...lines.map((line) => `  ${line}`), ...body, "}"].join("\n"), width);
  return [
    {
      label: group.label,
      places: places.list,
      scalars: scalars.list,
      memory,
      ...(group.commit ? { guard: "commit" as const } : {}),
      code: [functionsFor(code, width), width === 4 ? byteFunctions : "", code].join("\n"),
      workgroup,
      grid,
    },
  ];
}
