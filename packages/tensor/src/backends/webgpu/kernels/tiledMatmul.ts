import { sizeOf } from "../../../shape.js";
import { address, split } from "../codegen/space.js";
import { entry, type Kernel, type Place } from "../kernel.js";
import type { Context } from "./context.js";
import type { Matrix } from "./matmul.js";

interface Options {
  readonly batchDims: readonly number[];
  readonly places: readonly Place[];
  readonly label: string;
  readonly context: Context;
}

const tile = 64;
const depth = 16;

/** matmul for hardware: a workgroup of 16 x 16 computes 64 x 64 of the result from tiles in shared memory, 4 x 4 each. */
export function tiledMatmul(a: Matrix, b: Matrix, c: Matrix, { batchDims, places, label }: Options): Kernel[] {
  const length = a.columns;
  const names = batchDims.map((_, d) => `n${d}`);
  const down = Math.ceil(c.rows / tile);
  const across = Math.ceil(c.columns / tile);
  const batch = sizeOf(batchDims);
  // A layer is one product of the batch; a grid may have more of them than one dimension takes.
  const layerRows = Math.ceil(batch / 65535);
  const grid = [across, down * layerRows, Math.ceil(batch / layerRows)] as const;
  // Neighbouring invocations load neighbouring elements, whichever way a matrix lies.
  const stage = (name: string, m: Matrix, operand: number, first: string, size: number, alongK: boolean) => {
    // Tiles are [depth][tile]; this invocation fills four elements of each.
    const stridePosition = alongK ? m.columnStride : m.rowStride;
    const strideOther = alongK ? m.rowStride : m.columnStride;
    const vectorK = (alongK && m.vector === "columns") || (!alongK && m.vector === "rows");
    const vectorOther = (alongK && m.vector === "rows") || (!alongK && m.vector === "columns");
    const whole = size % tile === 0 && length % depth === 0;
    const inside = (other: string, k: string) => (whole ? "true" : `${other} < ${size} && ${k} < ${length}`);
    if (vectorK) {
      return `{
      let o = i32(thread >> 2u); let kk = i32(thread & 3u) * 4;
      var v = vec4f();
      if (${inside(`${first} + o`, "k + kk + 3")}) { v = bitcast<vec4f>(ldv${operand}(${name}0 + (${first} + o) * ${strideOther} + k + kk)); }
      for (var j = 0; j < 4; j++) { ${name}Tile[(kk + j) * ${tile} + o] = v[j]; }
    }`;
    }
    if (vectorOther) {
      return `{
      let kk = i32(thread >> 4u); let o = i32(thread & 15u) * 4;
      var v = vec4f();
      if (${inside(`${first} + o + 3`, "k + kk")}) { v = bitcast<vec4f>(ldv${operand}(${name}0 + ${first} + o + (k + kk) * ${stridePosition})); }
      for (var j = 0; j < 4; j++) { ${name}Tile[kk * ${tile} + o + j] = v[j]; }
    }`;
    }
    const kFirst = Math.abs(stridePosition) <= Math.abs(strideOther);
    return `for (var j = 0u; j < 4u; j++) {
      let e = thread + j * 256u;
      let kk = i32(${kFirst ? `e % ${depth}u` : `e / ${tile}u`}); let o = i32(${kFirst ? `e / ${depth}u` : `e % ${tile}u`});
      var v = 0.0;
      if (${inside(`${first} + o`, "k + kk")}) { v = bitcast<f32>(ld${operand}(${name}0 + (${first} + o) * ${strideOther} + (k + kk) * ${stridePosition})); }
      ${name}Tile[kk * ${tile} + o] = v;
    }`;
  };
  const vectorStore = c.vector === "columns";
  const stores = [0, 1, 2, 3].map((r) => {
    const base = `c0 + (row + ${r}) * ${c.rowStride}`;
    const value = `acc[${r}]`;
    const body = vectorStore
      ? `if (column < ${c.columns}) { stv2(${base} + column, bitcast<vec4u>(${value})); }`
      : [0, 1, 2, 3]
          .map(
            (j) =>
              `if (column + ${j} < ${c.columns}) { st2(${base} + (column + ${j}) * ${c.columnStride}, bitcast<u32>(${value}[${j}])); }`,
          )
          .join(" ");
    return `if (row + ${r} < ${c.rows}) { ${body} }`;
  });
  const code = `var<workgroup> aTile: array<f32, ${tile * depth}>;
var<workgroup> bTile: array<f32, ${tile * depth}>;
${entry([16, 16, 1])}
  let layer = i32(group.z * ${layerRows}u + group.y / ${down}u);
  if (layer >= ${batch}) { return; }
  let thread = local.y * 16u + local.x;
  let firstRow = i32(group.y % ${down}u) * ${tile};
  let firstColumn = i32(group.x) * ${tile};
  ${split("layer", batchDims, names).join("\n  ")}
  let a0 = ${address(a.batch, a.offset, names)};
  let b0 = ${address(b.batch, b.offset, names)};
  let c0 = ${address(c.batch, c.offset, names)};
  var acc: array<vec4f, 4>;
  for (var k = 0; k < ${length}; k += ${depth}) {
    ${stage("a", a, 0, "firstRow", c.rows, true)}
    ${stage("b", b, 1, "firstColumn", c.columns, false)}
    workgroupBarrier();
    for (var kk = 0u; kk < ${depth}u; kk++) {
      let x = kk * ${tile}u + local.y * 4u;
      let y = kk * ${tile}u + local.x * 4u;
      let v = vec4f(bTile[y], bTile[y + 1u], bTile[y + 2u], bTile[y + 3u]);
      acc[0] = fma(vec4f(aTile[x]), v, acc[0]);
      acc[1] = fma(vec4f(aTile[x + 1u]), v, acc[1]);
      acc[2] = fma(vec4f(aTile[x + 2u]), v, acc[2]);
      acc[3] = fma(vec4f(aTile[x + 3u]), v, acc[3]);
    }
    workgroupBarrier();
  }
  let row = firstRow + i32(local.y) * 4;
  let column = firstColumn + i32(local.x) * 4;
  ${stores.join("\n  ")}
}`;
  return [
    { label, places, memory: /\b(ldv|stv)\d/.test(code) ? "vectors" : "words", code, workgroup: [16, 16, 1], grid },
  ];
}
