import type { Operand } from "../../../backend.js";
import { split } from "../codegen/space.js";
import { entry, type Kernel, maxGrid } from "../kernel.js";
import { type Context, isVectorOperand } from "./context.js";
import type { Packed } from "./packWeights.js";

/**
 * How one dimension of a convolution walks. Results come in `residues` interleaved sets, of which the i-th result of set r
 * lies at i * residues + r; it reads image positions i * stride + shift + n * step for tap first + n * every, n counting the
 * set's taps. Numbers are WGSL of i32 and may use r.
 */
export interface Axis {
  readonly size: number;
  readonly residues: number;
  readonly stride: number;
  readonly shift: (r: string) => string;
  readonly step: number;
  readonly taps: (r: string) => string;
  readonly firstTap: (r: string) => string;
  readonly everyTap: number;
  /** True when an image position may lie outside. */
  readonly mayLeave: boolean;
}

export interface Convolution {
  readonly image: Operand;
  readonly output: Operand;
  readonly packed: Packed;
  readonly kernel: readonly [number, number];
  readonly groups: number;
  readonly axes: readonly [Axis, Axis];
  readonly label: string;
}

/**
 * The kernel of a convolution over packed weights: an invocation holds the sums of a few pixels by a few channels in
 * registers. The gradient of an image is the same kernel, over results that interleave by the stride.
 */
export function convolve(
  { image, output, packed, kernel, groups, axes, label }: Convolution,
  { software }: Context,
): Kernel {
  const [rows, columns] = axes;
  const [batch, outChannels] = output.shape as [number, number];
  const [, inChannels, height, width] = image.shape as [number, number, number, number];
  const [perIn, perOut] = [inChannels / groups, outChannels / groups];
  const [sn, sc, sh, sw] = image.strides as [number, number, number, number];
  const [on, oc, oh, ow] = output.strides as [number, number, number, number];
  const counts = [rows, columns].map(({ size, residues }) => Math.ceil(size / residues)) as [number, number];
  const pixels = batch * counts[0] * counts[1];
  const tilePixels = 4;
  const tileOut = packed.to % 8 === 0 && software ? 8 : 4;
  const blocks = tileOut / 4;
  const across = packed.to / tileOut;
  const down = Math.ceil(pixels / tilePixels);
  const x = Math.min(8, 2 ** Math.ceil(Math.log2(across)));
  const y = 64 / x;
  const downGroups = Math.ceil(down / y);
  // Rows of workgroups beyond what a dimension of the grid takes become layers, as groups and residues are.
  const layers = Math.ceil(downGroups / maxGrid);
  const perLayer = Math.ceil(downGroups / layers);
  const sets = rows.residues * columns.residues;
  const grid = [Math.ceil(across / x), perLayer, groups * sets * layers] as const;
  const vectorIn = isVectorOperand(image, 1) && perIn % 4 === 0;
  const vectorOut = isVectorOperand(output, 1) && perOut % 4 === 0;
  // The last set may have a result less than the first.
  const inside = (p: number) =>
    [rows, columns]
      .map(({ size, residues }, d) => (size % residues === 0 ? "" : ` && ${d === 0 ? "row" : "column"}${p} < ${size}`))
      .join("");
  const checked = rows.mayLeave || columns.mayLeave;

  const lines: string[] = [
    entry([x, y, 1]),
    "let layer = i32(group.z);",
    ...split("layer", [groups, rows.residues, columns.residues, layers], ["g", "ry", "rx", "part"]),
    `let down = i32((u32(part) * ${perLayer}u + group.y) * ${y}u + local.y);`,
    `if (at.x >= ${across}u || down >= ${down}) { return; }`,
    `let to = i32(at.x) * ${tileOut};`,
    `let firstY = ${rows.firstTap("ry")}; let firstX = ${columns.firstTap("rx")};`,
  ];
  for (let p = 0; p < tilePixels; p++) {
    lines.push(`let pixel${p} = min(down * ${tilePixels} + ${p}, ${pixels - 1});`);
    lines.push(...split(`pixel${p}`, [batch, ...counts], [`n${p}`, `i${p}`, `j${p}`]));
    lines.push(
      `let y${p} = i${p} * ${rows.stride} + ${rows.shift("ry")}; let x${p} = j${p} * ${columns.stride} + ${columns.shift("rx")};`,
      `let from${p} = ${image.offset} + n${p} * ${sn} + g * ${perIn * sc} + y${p} * ${sh} + x${p} * ${sw};`,
    );
    for (let q = 0; q < blocks; q++) lines.push(`var s${p}_${q} = vec4f();`);
  }
  lines.push(
    `let tapsY = ${rows.taps("ry")}; let tapsX = ${columns.taps("rx")};`,
    "for (var a = 0; a < tapsY; a++) {",
    "for (var b = 0; b < tapsX; b++) {",
    `let shift = a * ${rows.step * sh} + b * ${columns.step * sw};`,
    `let tap = ((g * ${kernel[0]} + firstY + a * ${rows.everyTap}) * ${kernel[1]} + firstX + b * ${columns.everyTap}) * ${packed.from * packed.to} + to;`,
  );
  for (let p = 0; p < tilePixels; p++) {
    const tests = [
      ...(rows.mayLeave ? [`u32(y${p} + a * ${rows.step}) < ${height}u`] : []),
      ...(columns.mayLeave ? [`u32(x${p} + b * ${columns.step}) < ${width}u`] : []),
    ];
    if (checked) lines.push(`let ok${p} = ${tests.join(" && ")};`, `let t${p} = select(0, from${p} + shift, ok${p});`);
    else lines.push(`let t${p} = from${p} + shift;`);
  }
  // Four channels at once where vectors may be loaded, else one: that is also the shorter text, which compiles faster.
  const channels = vectorIn ? 4 : 1;
  lines.push(`for (var c = 0; c < ${perIn}; c += ${channels}) {`);
  for (let p = 0; p < tilePixels; p++) {
    const value = vectorIn ? `bitcast<vec4f>(ldv0(t${p} + c))` : `bitcast<f32>(ld0(t${p} + c * ${sc}))`;
    const zero = vectorIn ? "vec4f()" : "0.0";
    lines.push(`let v${p} = ${checked ? `select(${zero}, ${value}, ok${p})` : value};`);
  }
  for (let k = 0; k < channels; k++) {
    for (let q = 0; q < blocks; q++) {
      lines.push(`let w${k}_${q} = bitcast<vec4f>(ldv1(tap + (c + ${k}) * ${packed.to} + ${q * 4}));`);
      for (let p = 0; p < tilePixels; p++) {
        lines.push(`s${p}_${q} += v${p}${vectorIn ? `.${"xyzw"[k]}` : ""} * w${k}_${q};`);
      }
    }
  }
  lines.push("}", "}", "}");
  for (let p = 0; p < tilePixels; p++) {
    lines.push(
      `let row${p} = i${p} * ${rows.residues} + ry; let column${p} = j${p} * ${columns.residues} + rx;`,
      `if (down * ${tilePixels} + ${p} < ${pixels}${inside(p)}) {`,
      `let o = ${output.offset} + n${p} * ${on} + g * ${perOut * oc} + row${p} * ${oh} + column${p} * ${ow};`,
    );
    for (let q = 0; q < blocks; q++) {
      if (vectorOut) lines.push(`stv2(o + to + ${q * 4}, bitcast<vec4u>(s${p}_${q}));`);
      else {
        for (let k = 0; k < 4; k++) {
          const at = `to + ${q * 4 + k}`;
          lines.push(`if (${at} < ${perOut}) { st2(o + (${at}) * ${oc}, bitcast<u32>(s${p}_${q}[${k}])); }`);
        }
      }
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
