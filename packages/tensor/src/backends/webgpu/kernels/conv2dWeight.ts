import { sizeOf } from "../../../shape.js";
import { split } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { busyInvocations, type ContractRule, isVectorOperand } from "./context.js";
import { sumParts } from "./sumParts.js";

/**
 * conv2dWeight: an invocation holds 4 x 4 (or 4 x 8) channels of one tap in registers and walks over the pixels; where that
 * makes too few invocations the images are split and the parts added up in order.
 */
export const conv2dWeight: ContractRule<"conv2dWeight"> = ({ params, inputs, outputs, label }, context) => {
  const [image, gradient, output] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(output.shape) === 0) return [];
  const { stride, padding, dilation, groups } = params;
  const [batch, , height, width] = image.shape as [number, number, number, number];
  const [, , rows, columns] = gradient.shape as [number, number, number, number];
  const [outs, perIn, kh, kw] = output.shape as [number, number, number, number];
  const perOut = outs / groups;
  const [sn, sc, sh, sw] = image.strides as [number, number, number, number];
  const [gn, gc, gh, gw] = gradient.strides as [number, number, number, number];
  const [wo, wi, wh, ww] = output.strides as [number, number, number, number];
  const thin = perIn < 3 || perOut < 3;
  const tileIn = thin ? Math.min(perIn, 4) : 4;
  const tileOut = thin ? Math.min(perOut, 4) : context.software && perOut % 8 === 0 ? 8 : 4;
  const [across, down] = [Math.ceil(perOut / tileOut), Math.ceil(perIn / tileIn)];
  const invocations = groups * kh * kw * down * across;
  const wanted = Math.ceil(busyInvocations(context) / invocations);
  const lines_ = batch * rows;
  const parts = Math.max(1, Math.min(wanted, Math.floor((lines_ * columns) / 128), lines_, 64));
  const perPart = Math.ceil(lines_ / parts);
  const total = invocations * parts;
  const workgroups = Math.ceil(total / 64);
  const gridRows = Math.ceil(workgroups / 65535);
  const vectorIn = isVectorOperand(image, 1) && perIn % 4 === 0 && tileIn === 4;
  const vectorOut = isVectorOperand(gradient, 1) && perOut % 4 === 0 && tileOut % 4 === 0;

  const lines = [
    entry([64, 1, 1]),
    `let unit = i32((group.x + group.y * ${Math.ceil(workgroups / gridRows)}u) * 64u + local.x);`,
    `if (unit >= ${total}) { return; }`,
    ...split("unit", [parts, groups, kh, kw, down, across], ["part", "g", "a", "b", "p", "q"]),
    `let first = p * ${tileIn}; let to = q * ${tileOut};`,
    // The rows and columns of the result whose tap lies inside the image.
    `let dy = a * ${dilation[0]} - ${padding[0]}; let dx = b * ${dilation[1]} - ${padding[1]};`,
    `let left = select(0, (-dx + ${stride[1] - 1}) / ${stride[1]}, dx < 0);`,
    `let right = min(${columns}, select(0, (${width - 1} - dx) / ${stride[1]} + 1, dx < ${width}));`,
    `let x0 = ${image.offset} + (g * ${perIn} + first) * ${sc}; let y0 = ${gradient.offset} + (g * ${perOut} + to) * ${gc};`,
  ];
  const T = tileOut >= 4 ? "vec4f" : "f32";
  const blocks = tileOut >= 4 ? tileOut / 4 : tileOut;
  for (let k = 0; k < tileIn; k++) for (let q = 0; q < blocks; q++) lines.push(`var s${k}_${q} = ${T}();`);
  lines.push(
    `for (var line = part * ${perPart}; line < min(${lines_}, (part + 1) * ${perPart}); line++) {`,
    `let n = i32(u32(line) / ${rows}u); let i = i32(u32(line) % ${rows}u);`,
    `let y = i * ${stride[0]} + dy;`,
    `if (y < 0 || y >= ${height}) { continue; }`,
    `let image0 = x0 + n * ${sn} + y * ${sh} + dx * ${sw}; let gradient0 = y0 + n * ${gn} + i * ${gh};`,
    "for (var j = left; j < right; j++) {",
    `let xa = image0 + j * ${stride[1] * sw}; let ya = gradient0 + j * ${gw};`,
  );
  const guardedIn = (k: number) => (perIn % tileIn === 0 ? `${k}` : `min(${k}, ${perIn - 1} - first)`);
  const guardedOut = (k: number) => (perOut % tileOut === 0 ? `${k}` : `min(${k}, ${perOut - 1} - to)`);
  if (vectorIn) lines.push("let x = bitcast<vec4f>(ldv0(xa));");
  else for (let k = 0; k < tileIn; k++) lines.push(`let x${k} = bitcast<f32>(ld0(xa + ${guardedIn(k)} * ${sc}));`);
  for (let q = 0; q < blocks; q++) {
    if (vectorOut) lines.push(`let d${q} = bitcast<vec4f>(ldv1(ya + ${q * 4}));`);
    else if (T === "f32") lines.push(`let d${q} = bitcast<f32>(ld1(ya + ${guardedOut(q)} * ${gc}));`);
    else {
      const each = [0, 1, 2, 3].map((k) => `bitcast<f32>(ld1(ya + ${guardedOut(q * 4 + k)} * ${gc}))`);
      lines.push(`let d${q} = vec4f(${each.join(", ")});`);
    }
    for (let k = 0; k < tileIn; k++) lines.push(`s${k}_${q} += ${vectorIn ? `x.${"xyzw"[k]}` : `x${k}`} * d${q};`);
  }
  lines.push("}", "}");
  const size = sizeOf(output.shape);
  for (let k = 0; k < tileIn; k++) {
    for (let q = 0; q < tileOut; q++) {
      const value = T === "f32" ? `s${k}_${q}` : `s${k}_${q >> 2}[${q & 3}]`;
      // Parts are [groups, kernel rows, kernel columns, inputs, outputs], as they are computed.
      const to =
        parts > 1
          ? `part * ${size} + (((g * ${kh} + a) * ${kw} + b) * ${perIn} + first + ${k}) * ${perOut} + to + ${q}`
          : `${output.offset} + (g * ${perOut} + to + ${q}) * ${wo} + (first + ${k}) * ${wi} + a * ${wh} + b * ${ww}`;
      lines.push(`if (first + ${k} < ${perIn} && to + ${q} < ${perOut}) { st2(${to}, bitcast<u32>(${value})); }`);
    }
  }
  lines.push("}");
  const code = lines.join("\n");
  const workspace = parts > 1 ? context.workspace(size * parts) : 0;
  const kernel: Kernel = {
    label,
    places: [{ slot: image.slot }, { slot: gradient.slot }, parts > 1 ? { workspace } : { slot: output.slot }],
    memory: /\bldv\d/.test(code) ? "vectors" : "words",
    code,
    workgroup: [64, 1, 1],
    grid: [Math.ceil(workgroups / gridRows), gridRows, 1],
  };
  if (parts === 1) return [kernel];
  const split5 = {
    ...output,
    shape: [groups, kh, kw, perIn, perOut],
    strides: [perOut * wo, wh, ww, wi, wo],
  };
  return [kernel, sumParts({ workspace, parts, shape: split5.shape, output: split5, label })];
};
