import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { address, split } from "../codegen/space.js";
import { entry, type Kernel, maxGrid } from "../kernel.js";
import { busyInvocations, type Context, type ContractRule } from "./context.js";
import { sumParts } from "./sumParts.js";
import { tiledMatmul } from "./tiledMatmul.js";

/** A matrix of a product: strides of its rows and columns, and of the batch. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly batch: readonly number[];
  readonly offset: number;
  /** Vectors of four may be loaded along this dim. */
  readonly vector: "rows" | "columns" | "none";
}

/** An operand as a batch of matrices. */
export function matrixOf({ shape, strides, offset }: Operand): Matrix {
  const rank = shape.length;
  const [rows, columns] = shape.slice(-2) as [number, number];
  const [rowStride, columnStride] = strides.slice(-2) as [number, number];
  const batch = strides.slice(0, rank - 2).map((s, d) => (shape[d] === 1 ? 0 : s));
  const even = offset % 4 === 0 && batch.every((s) => s % 4 === 0);
  const along = (own: number, size: number, other: number, others: number) =>
    even && own === 1 && size % 4 === 0 && (other % 4 === 0 || others === 1);
  const vector = along(columnStride, columns, rowStride, rows)
    ? "columns"
    : along(rowStride, rows, columnStride, columns)
      ? "rows"
      : "none";
  return { rows, columns, rowStride, columnStride, batch, offset, vector };
}

/** The sizes of one invocation's piece of the result. */
function tileOf(rows: number, columns: number, { software }: Context): [number, number] {
  const fit = (size: number, most: number) => Math.min(most, 2 ** Math.ceil(Math.log2(size)));
  // Large blocks pay for their longer compilation on large results only.
  const most = software && rows * columns >= 4096 ? 8 : 4;
  return [fit(rows, most), fit(columns, most)];
}

/** matmul: shared-memory tiles for large products on hardware, else blocks held in registers, without barriers. */
export const matmul: ContractRule<"matmul"> = ({ inputs, outputs, label }, context) => {
  const [a, b, c] = [matrixOf(inputs[0]!), matrixOf(inputs[1]!), matrixOf(outputs[0]!)];
  const batchDims = outputs[0]!.shape.slice(0, -2);
  const batch = sizeOf(batchDims);
  const length = a.columns;
  if (batch * c.rows * c.columns === 0) return [];
  const slots = [inputs[0]!.slot, inputs[1]!.slot, outputs[0]!.slot].map((slot) => ({ slot }));
  if (!context.software && c.rows >= 32 && c.columns >= 32 && length >= 8) {
    return tiledMatmul(a, b, c, { batchDims, places: slots, label, context });
  }
  const [tileRows, tileColumns] = tileOf(c.rows, c.columns, context);
  const [across, down] = [Math.ceil(c.columns / tileColumns), Math.ceil(c.rows / tileRows)];
  const wanted = Math.ceil(busyInvocations(context) / (across * down * batch));
  const parts = Math.max(1, Math.min(wanted, Math.floor(length / 128), 64));
  const perPart = Math.ceil(length / parts / 4) * 4;
  const x = Math.min(8, 2 ** Math.ceil(Math.log2(across)));
  const y = Math.min(64 / x, 2 ** Math.ceil(Math.log2(down)));
  const layers = batch * parts;
  const layerRows = Math.ceil(layers / maxGrid);
  const grid = [Math.ceil(across / x), Math.ceil(down / y) * layerRows, Math.ceil(layers / layerRows)] as const;

  const names = batchDims.map((_, d) => `n${d}`);
  const lines = [
    entry([x, y, 1]),
    layerRows === 1
      ? "  let layer = i32(group.z);\n  let down = i32(at.y);"
      : `  let layer = i32(group.z * ${layerRows}u + group.y / ${Math.ceil(down / y)}u);\n  let down = i32((group.y % ${Math.ceil(down / y)}u) * ${y}u + local.y);`,
    `  if (at.x >= ${across}u || down >= ${down} || layer >= ${layers}) { return; }`,
    `  let row = down * ${tileRows};`,
    `  let column = i32(at.x) * ${tileColumns};`,
    parts > 1 ? `  let part = layer % ${parts};\n  let plane = layer / ${parts};` : "  let plane = layer;",
    ...split("plane", batchDims, names).map((line) => `  ${line}`),
    `  let a0 = ${address(a.batch, a.offset, names)};`,
    `  let b0 = ${address(b.batch, b.offset, names)};`,
  ];
  for (let r = 0; r < tileRows; r++) {
    const at = c.rows % tileRows === 0 ? `row + ${r}` : `min(row + ${r}, ${c.rows - 1})`;
    lines.push(`  let ar${r} = a0 + (${at}) * ${a.rowStride};`);
  }
  for (let j = 0; j < tileColumns; j++) {
    const at = c.columns % tileColumns === 0 ? `column + ${j}` : `min(column + ${j}, ${c.columns - 1})`;
    lines.push(`  let bc${j} = b0 + (${at}) * ${b.columnStride};`);
  }
  const blocks = Math.ceil(tileColumns / 4);
  const T = tileColumns >= 4 ? "vec4f" : tileColumns === 2 ? "vec2f" : "f32";
  for (let r = 0; r < tileRows; r++) for (let q = 0; q < blocks; q++) lines.push(`  var c${r}_${q} = ${T}();`);
  const rowsByFour = a.vector === "rows" && tileRows % 4 === 0 && c.rows % tileRows === 0;
  const columnsByFour = b.vector === "columns" && tileColumns % 4 === 0 && c.columns % tileColumns === 0;
  const alongA = a.vector === "columns" && perPart % 4 === 0;
  const alongB = b.vector === "rows" && perPart % 4 === 0;

  const body = (steps: number): string[] => {
    const out: string[] = [];
    if (alongA && steps === 4) {
      for (let r = 0; r < tileRows; r++) out.push(`let a${r} = bitcast<vec4f>(ldv0(ar${r} + k));`);
    }
    if (alongB && steps === 4) {
      for (let j = 0; j < tileColumns; j++) out.push(`let b${j} = bitcast<vec4f>(ldv1(bc${j} + k));`);
    }
    for (let s = 0; s < steps; s++) {
      const k = s === 0 ? "k" : `(k + ${s})`;
      if (rowsByFour) {
        for (let q = 0; q < tileRows / 4; q++)
          out.push(`let x${s}_${q} = bitcast<vec4f>(ldv0(ar${q * 4} + ${k} * ${a.columnStride}));`);
      } else if (!(alongA && steps === 4)) {
        for (let r = 0; r < tileRows; r++)
          out.push(`let x${s}_${r} = bitcast<f32>(ld0(ar${r} + ${k} * ${a.columnStride}));`);
      }
      const left = (r: number) =>
        rowsByFour ? `x${s}_${r >> 2}.${"xyzw"[r & 3]}` : alongA && steps === 4 ? `a${r}.${"xyzw"[s]}` : `x${s}_${r}`;
      for (let q = 0; q < blocks; q++) {
        const wide = Math.min(4, tileColumns);
        const each = Array.from({ length: wide }, (_, j) =>
          alongB && steps === 4
            ? `b${q * 4 + j}.${"xyzw"[s]}`
            : `bitcast<f32>(ld1(bc${q * 4 + j} + ${k} * ${b.rowStride}))`,
        );
        const value = columnsByFour
          ? `bitcast<vec4f>(ldv1(bc${q * 4} + ${k} * ${b.rowStride}))`
          : `${T}(${each.join(", ")})`;
        out.push(`let y${s}_${q} = ${value};`);
        for (let r = 0; r < tileRows; r++) out.push(`c${r}_${q} += ${left(r)} * y${s}_${q};`);
      }
    }
    return out.map((line) => `    ${line}`);
  };

  const start = parts > 1 ? `part * ${perPart}` : "0";
  const end = parts > 1 ? `min(${length}, (part + 1) * ${perPart})` : String(length);
  lines.push(`  var k = ${start};`, `  let end = ${end};`);
  const unroll = alongA || alongB;
  if (unroll) lines.push("  for (; k + 3 < end; k += 4) {", ...body(4), "  }");
  if (!unroll || length % 4 !== 0) lines.push("  for (; k < end; k++) {", ...body(1), "  }");

  const places: Kernel["places"] = [slots[0]!, slots[1]!, slots[2]!];
  const outVector = c.vector === "columns" && tileColumns % 4 === 0 && c.columns % tileColumns === 0;
  const partWords = batch * c.rows * c.columns;
  const workspace = parts > 1 ? context.workspace(partWords * parts) : 0;
  const toParts = c.columns % 4 === 0 && tileColumns % 4 === 0 && c.columns % tileColumns === 0;
  for (let r = 0; r < tileRows; r++) {
    const inRow = c.rows % tileRows === 0 ? "" : `if (row + ${r} < ${c.rows}) `;
    const base =
      parts > 1
        ? `part * ${partWords} + (plane * ${c.rows} + row + ${r}) * ${c.columns}`
        : `${address(c.batch, c.offset, names)} + (row + ${r}) * ${c.rowStride}`;
    const step = parts > 1 ? 1 : c.columnStride;
    const stores: string[] = [];
    for (let q = 0; q < blocks; q++) {
      if (parts > 1 ? toParts : outVector) {
        stores.push(`stv2(${base} + column + ${q * 4}, bitcast<vec4u>(c${r}_${q}));`);
        continue;
      }
      for (let j = 0; j < Math.min(4, tileColumns); j++) {
        const inColumn = c.columns % tileColumns === 0 ? "" : `if (column + ${q * 4 + j} < ${c.columns}) `;
        const value = tileColumns === 1 ? `c${r}_${q}` : `c${r}_${q}[${j}]`;
        stores.push(`${inColumn}{ st2(${base} + (column + ${q * 4 + j}) * ${step}, bitcast<u32>(${value})); }`);
      }
    }
    lines.push(`  ${inRow}{ ${stores.join(" ")} }`);
  }
  lines.push("}");
  const code = lines.join("\n");
  const kernel: Kernel = {
    label,
    places: parts > 1 ? [places[0]!, places[1]!, { workspace }] : places,
    memory: /\b(ldv|stv)\d/.test(code) ? "vectors" : "words",
    code,
    workgroup: [x, y, 1],
    grid,
  };
  if (parts === 1) return [kernel];
  return [kernel, sumParts({ workspace, parts, shape: outputs[0]!.shape, output: outputs[0]!, label })];
};
