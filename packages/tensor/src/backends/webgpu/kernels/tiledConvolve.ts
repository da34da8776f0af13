import { split } from "../codegen/space.js";
import { entry, type Kernel, maxGrid } from "../kernel.js";
import { isVectorOperand } from "./context.js";
import type { Convolution } from "./convolve.js";

const invocations = 256;
/** Channels of the image that are in shared memory at a time. */
const depth = 16;

/** True where tiles are worth their barriers: channels fill them, and there are pixels for more than one. */
export function fillsTiles({ image, output, packed, groups }: Convolution): boolean {
  const [batch, , height, width] = output.shape as [number, number, number, number];
  return image.shape[1]! / groups >= 8 && packed.to >= 32 && batch * height * width >= 128;
}

/**
 * `convolve` for hardware, as an implicit matrix product: a workgroup of 256 computes 64 pixels by 64 channels (128 by 32 where
 * there are few), tap by tap, from tiles of 16 channels in shared memory; each invocation holds 4 by 4 of them.
 */
export function tiledConvolve({ image, output, packed, kernel, groups, axes, label }: Convolution): Kernel {
  const [rows, columns] = axes;
  const [batch, outChannels] = output.shape as [number, number];
  const [, inChannels, height, width] = image.shape as [number, number, number, number];
  const [perIn, perOut] = [inChannels / groups, outChannels / groups];
  const [sn, sc, sh, sw] = image.strides as [number, number, number, number];
  const [on, oc, oh, ow] = output.strides as [number, number, number, number];
  const counts = [rows, columns].map(({ size, residues }) => Math.ceil(size / residues)) as [number, number];
  const pixels = batch * counts[0] * counts[1];
  const tileOut = packed.to > 32 ? 64 : 32;
  const x = tileOut / 4;
  const y = invocations / x;
  const tilePixels = y * 4;
  const down = Math.ceil(pixels / tilePixels);
  // Tiles beyond what a dimension of the grid takes become layers, as groups and residues are.
  const layers = Math.ceil(down / maxGrid);
  const perLayer = Math.ceil(down / layers);
  const grid = [Math.ceil(packed.to / tileOut), perLayer, groups * rows.residues * columns.residues * layers] as const;
  const vectorIn = isVectorOperand(image, 1) && perIn % 4 === 0;
  const vectorOut = isVectorOperand(output, 1) && perOut % 4 === 0;
  const inside = (p: number) =>
    [rows, columns]
      .map(({ size, residues }, d) => (size % residues === 0 ? "" : ` && ${d === 0 ? "row" : "column"}${p} < ${size}`))
      .join("");
  /** Where pixel `index` of the set lies: n, i, j with a suffix. */
  const pixel = (index: string, suffix: string) => [
    `let pixel${suffix} = min(${index}, ${pixels - 1});`,
    ...split(`pixel${suffix}`, [batch, ...counts], [`n${suffix}`, `i${suffix}`, `j${suffix}`]),
  ];

  const lines = [
    `var<workgroup> xTile: array<f32, ${depth * tilePixels}>;`,
    `var<workgroup> wTile: array<vec4f, ${depth * x}>;`,
    entry([x, y, 1]),
    "let layer = i32(group.z);",
    ...split("layer", [groups, rows.residues, columns.residues, layers], ["g", "ry", "rx", "part"]),
    `let thread = i32(local.y * ${x}u + local.x);`,
    `let firstPixel = (part * ${perLayer} + i32(group.y)) * ${tilePixels};`,
    `let firstOut = i32(group.x) * ${tileOut};`,
    `let firstY = ${rows.firstTap("ry")}; let firstX = ${columns.firstTap("rx")};`,
    `let tapsY = ${rows.taps("ry")}; let tapsX = ${columns.taps("rx")};`,
    "let staged = (thread & 3) * 4;",
  ];
  // An invocation fetches four channels of the same pixels for every tap.
  const fetched = tilePixels / 64;
  for (let f = 0; f < fetched; f++) {
    const s = `s${f}`;
    lines.push(
      ...pixel(`firstPixel + (thread >> 2u) + ${f * 64}`, s),
      `let y${s} = i${s} * ${rows.stride} + ${rows.shift("ry")}; let x${s} = j${s} * ${columns.stride} + ${columns.shift("rx")};`,
      `let from${s} = ${image.offset} + n${s} * ${sn} + g * ${perIn * sc} + y${s} * ${sh} + x${s} * ${sw};`,
    );
  }
  for (let p = 0; p < 4; p++) lines.push(`var acc${p} = vec4f();`);
  lines.push(
    "for (var a = 0; a < tapsY; a++) {",
    "for (var b = 0; b < tapsX; b++) {",
    `let shift = a * ${rows.step * sh} + b * ${columns.step * sw};`,
    `let tap = ((g * ${kernel[0]} + firstY + a * ${rows.everyTap}) * ${kernel[1]} + firstX + b * ${columns.everyTap}) * ${packed.from * packed.to};`,
    `for (var c = 0; c < ${perIn}; c += ${depth}) {`,
  );
  const full = perIn % depth === 0;
  for (let f = 0; f < fetched; f++) {
    const s = `s${f}`;
    const tests = [
      ...(rows.mayLeave ? [`u32(y${s} + a * ${rows.step}) < ${height}u`] : []),
      ...(columns.mayLeave ? [`u32(x${s} + b * ${columns.step}) < ${width}u`] : []),
    ];
    const at = `from${s} + shift + (c + staged`;
    const guard = (channel: string) => [...tests, ...(full ? [] : [`${channel} < ${perIn}`])].join(" && ") || "true";
    lines.push("{", "var v = vec4f();");
    if (vectorIn) lines.push(`if (${guard("c + staged + 3")}) { v = bitcast<vec4f>(ldv0(${at}))); }`);
    else {
      for (let k = 0; k < 4; k++)
        lines.push(`if (${guard(`c + staged + ${k}`)}) { v[${k}] = bitcast<f32>(ld0(${at} + ${k}) * ${sc})); }`);
    }
    for (let k = 0; k < 4; k++)
      lines.push(`xTile[(staged + ${k}) * ${tilePixels} + (thread >> 2u) + ${f * 64}] = v[${k}];`);
    lines.push("}");
  }
  lines.push(
    `if (thread < ${depth * x}) {`,
    `let k = thread / ${x}; let q = firstOut + thread % ${x} * 4;`,
    "var v = vec4f();",
    `if (q < ${packed.to}${full ? "" : ` && c + k < ${perIn}`}) { v = bitcast<vec4f>(ldv1(tap + (c + k) * ${packed.to} + q)); }`,
    "wTile[thread] = v;",
    "}",
    "workgroupBarrier();",
    `for (var k = 0u; k < ${depth}u; k++) {`,
    `let w = wTile[k * ${x}u + local.x];`,
    `let p = k * ${tilePixels}u + local.y * 4u;`,
    ...[0, 1, 2, 3].map((p) => `acc${p} = fma(vec4f(xTile[p + ${p}u]), w, acc${p});`),
    "}",
    "workgroupBarrier();",
    "} } }",
    "let to = firstOut + i32(local.x) * 4;",
  );
  for (let p = 0; p < 4; p++) {
    lines.push(
      `let index${p} = firstPixel + i32(local.y) * 4 + ${p};`,
      ...pixel(`index${p}`, String(p)),
      `let row${p} = i${p} * ${rows.residues} + ry; let column${p} = j${p} * ${columns.residues} + rx;`,
      `if (index${p} < ${pixels}${inside(p)}) {`,
      `let o = ${output.offset} + n${p} * ${on} + g * ${perOut * oc} + row${p} * ${oh} + column${p} * ${ow};`,
    );
    if (vectorOut) lines.push(`if (to < ${perOut}) { stv2(o + to, bitcast<vec4u>(acc${p})); }`);
    else {
      for (let k = 0; k < 4; k++)
        lines.push(`if (to + ${k} < ${perOut}) { st2(o + (to + ${k}) * ${oc}, bitcast<u32>(acc${p}[${k}])); }`);
    }
    lines.push("}");
  }
  lines.push("}");
  return {
    label,
    places: [{ slot: image.slot }, { workspace: packed.workspace }, { slot: output.slot }],
    memory: "vectors",
    code: lines.join("\n"),
    workgroup: [x, y, 1],
    grid,
  };
}
