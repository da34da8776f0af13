import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { split } from "../codegen/space.js";
import { entry, type Kernel, maxGrid } from "../kernel.js";
import { type Context, isVectorOperand } from "./context.js";
import type { Packed } from "./packWeights.js";

/** How one dimension of a convolution walks: result i reads image positions i * stride + shift + tap * step for the taps first, first + every, ... below `end`. */
export interface Axis {
  /** Results along it, and the position and distance of them in the output. */
  readonly count: number;
  readonly outFirst: number;
  readonly outEvery: number;
  /** Image positions: i * stride + shift + n * step, n counting the taps used. */
  readonly stride: number;
  readonly shift: number;
  readonly step: number;
  /** Kernel positions of the taps used: first + n * every. */
  readonly taps: number;
  readonly tapFirst: number;
  readonly tapEvery: number;
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
 * registers. The gradient of an image is the same kernel, once for each residue of the stride.
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
  const pixels = batch * rows.count * columns.count;
  const tilePixels = 4;
  const tileOut = packed.to % 8 === 0 && software ? 8 : 4;
  const blocks = tileOut / 4;
  const across = packed.to / tileOut;
  const down = Math.ceil(pixels / tilePixels);
  const x = Math.min(8, 2 ** Math.ceil(Math.log2(across)));
  const y = 64 / x;
  const downGroups = Math.ceil(down / y);
  const layers = Math.ceil(downGroups / maxGrid);
  const grid = [Math.ceil(across / x), Math.ceil(downGroups / layers), groups * layers] as const;
  const vectorIn = isVectorOperand(image, 1) && perIn % 4 === 0;
  const vectorOut = isVectorOperand(output, 1) && perOut % 4 === 0;
  const reach = ({ count, stride, shift, step, taps }: Axis) => {
    const positions = [0, (taps - 1) * step].flatMap((t) => [shift + t, (count - 1) * stride + shift + t]);
    return [Math.min(...positions), Math.max(...positions)] as const;
  };
  const [top, bottom] = reach(rows);
  const [left, right] = reach(columns);
  const checkRows = top < 0 || bottom >= height;
  const checkColumns = left < 0 || right >= width;
  const checked = checkRows || checkColumns;

  const lines: string[] = [
    entry([x, y, 1]),
    layers === 1
      ? "let g = i32(group.z); let down = i32(at.y);"
      : `let g = i32(group.z / ${layers}u); let down = i32(((group.z % ${layers}u) * ${grid[1]}u + group.y) * ${y}u + local.y);`,
    `if (at.x >= ${across}u || down >= ${down}) { return; }`,
    `let to = i32(at.x) * ${tileOut};`,
  ];
  for (let p = 0; p < tilePixels; p++) {
    lines.push(`let pixel${p} = min(down * ${tilePixels} + ${p}, ${pixels - 1});`);
    lines.push(...split(`pixel${p}`, [batch, rows.count, columns.count], [`n${p}`, `i${p}`, `j${p}`]));
    lines.push(
      `let y${p} = i${p} * ${rows.stride} + ${rows.shift}; let x${p} = j${p} * ${columns.stride} + ${columns.shift};`,
    );
    lines.push(`let from${p} = ${image.offset} + n${p} * ${sn} + g * ${perIn * sc} + y${p} * ${sh} + x${p} * ${sw};`);
    for (let q = 0; q < blocks; q++) lines.push(`var s${p}_${q} = vec4f();`);
  }
  lines.push(
    `for (var a = 0; a < ${rows.taps}; a++) {`,
    `for (var b = 0; b < ${columns.taps}; b++) {`,
    `let shift = a * ${rows.step * sh} + b * ${columns.step * sw};`,
    `let tap = ((g * ${kernel[0]} + ${rows.tapFirst} + a * ${rows.tapEvery}) * ${kernel[1]} + ${columns.tapFirst} + b * ${columns.tapEvery}) * ${packed.from * packed.to} + to;`,
  );
  for (let p = 0; p < tilePixels; p++) {
    const tests = [
      ...(checkRows ? [`u32(y${p} + a * ${rows.step}) < ${height}u`] : []),
      ...(checkColumns ? [`u32(x${p} + b * ${columns.step}) < ${width}u`] : []),
    ];
    if (checked) lines.push(`let ok${p} = ${tests.join(" && ")};`, `let t${p} = select(0, from${p} + shift, ok${p});`);
    else lines.push(`let t${p} = from${p} + shift;`);
  }
  lines.push(`for (var c = 0; c < ${perIn}; c += 4) {`);
  for (let p = 0; p < tilePixels; p++) {
    const each = [0, 1, 2, 3].map((k) => {
      const at = `bitcast<f32>(ld0(t${p} + min(c + ${k}, ${perIn - 1}) * ${sc}))`;
      return perIn % 4 === 0 ? at : `select(0.0, ${at}, c + ${k} < ${perIn})`;
    });
    const value = vectorIn ? `bitcast<vec4f>(ldv0(t${p} + c))` : `vec4f(${each.join(", ")})`;
    lines.push(`let v${p} = ${checked ? `select(vec4f(), ${value}, ok${p})` : value};`);
  }
  for (let k = 0; k < 4; k++) {
    for (let q = 0; q < blocks; q++) {
      lines.push(`let w${k}_${q} = bitcast<vec4f>(ldv1(tap + (c + ${k}) * ${packed.to} + ${q * 4}));`);
      for (let p = 0; p < tilePixels; p++) lines.push(`s${p}_${q} += v${p}.${"xyzw"[k]} * w${k}_${q};`);
    }
  }
  lines.push("}", "}", "}");
  for (let p = 0; p < tilePixels; p++) {
    lines.push(
      `if (down * ${tilePixels} + ${p} < ${pixels}) {`,
      `let o = ${output.offset} + n${p} * ${on} + g * ${perOut * oc} + (i${p} * ${rows.outEvery} + ${rows.outFirst}) * ${oh} + (j${p} * ${columns.outEvery} + ${columns.outFirst}) * ${ow};`,
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
    grid: sizeOf(grid) === 0 ? [1, 1, 1] : grid,
  };
}
