/*
 * The elementary functions that instructions call, for one element or four: F, I, U, B stand for f32, i32, u32, bool or
 * their vectors of four. WGSL promises little about NaN, infinities, denormals and precision, so these test bits and bring
 * their own polynomials; they give what the C++ kernels give, but for the last bit.
 */

/** What each function needs besides itself. */
const needs: Record<string, readonly string[]> = {
  maxOf: ["isNan"],
  lessThan: ["isNan"],
  equals: ["isNan"],
  signOf: ["isNan", "withSign"],
  toInt: ["isNan"],
  expOf: ["isNan", "infinity"],
  logOf: ["isNan", "infinity", "nan"],
  sigmoidOf: ["expOf"],
  tanhOf: ["expOf", "withSign", "isNan"],
  erfOf: ["expOf", "withSign", "isNan"],
  atanOf: ["withSign", "quotient", "isNan"],
  quotient: ["isNan"],
  sinOf: ["sine"],
  cosOf: ["sine"],
  sine: ["wideSine", "isNan"],
  wideSine: ["wide", "nan1"],
  wide: ["high1"],
  philox: ["high"],
};

const texts: Record<string, string> = {
  nan1: `fn nan1() -> f32 { var bits = 0x7fc00000u; return bitcast<f32>(bits); }`,
  nan: `fn nan() -> F { var bits = 0x7fc00000u; return F(bitcast<f32>(bits)); }`,
  infinity: `fn infinity() -> F { var bits = 0x7f800000u; return F(bitcast<f32>(bits)); }`,
  isNan: `fn isNan(x: F) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }`,
  withSign: `fn withSign(magnitude: F, sign: F) -> F {
  return bitcast<F>((bitcast<U>(magnitude) & U(0x7fffffffu)) | (bitcast<U>(sign) & U(0x80000000u)));
}`,
  maxOf: `fn maxOf(a: F, b: F) -> F {
  return select(select(b, a, a > b), select(a, b, isNan(b)), isNan(a) | isNan(b));
}`,
  lessThan: `fn lessThan(a: F, b: F) -> I { return select(I(0), I(1), (a < b) & !(isNan(a) | isNan(b))); }`,
  equals: `fn equals(a: F, b: F) -> I { return select(I(0), I(1), (a == b) & !(isNan(a) | isNan(b))); }`,
  signOf: `fn signOf(x: F) -> F {
  return select(withSign(F(1.0), x), F(0.0), isNan(x) | ((bitcast<U>(x) & U(0x7fffffffu)) == U(0u)));
}`,
  toInt: `fn toInt(x: F) -> I {
  let y = select(I(clamp(x, F(-2147483648.0), F(2147483520.0))), I(2147483647), x >= F(2147483648.0));
  return select(y, I(0), isNan(x));
}`,
  toHalf: `fn toHalf(x: F) -> F { HALF }`,
  // The rounded quotient and one step of Newton: the driver's own is off by up to 2.5 units in the last place.
  quotient: `fn quotient(a: F, b: F) -> F {
  let q = a / b;
  let better = q + fma(-q, b, a) / b;
  let size = bitcast<U>(q) & U(0x7f800000u);
  return select(better, q, isNan(better) | (size == U(0u)) | (size == U(0x7f800000u)));
}`,
  // exp(x) = 2^n exp(r), |r| <= ln(2)/2. Two factors reach denormals.
  expOf: `fn expOf(x: F) -> F {
  let y = clamp(x, F(-104.0), F(89.0));
  let n = round(y * 1.44269504);
  let r = (y - n * 0.693359375) - n * -2.12194440e-4;
  var p = F(1.9875691500e-4);
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  p = (p * (r * r) + r) + 1.0;
  let k = I(n);
  let half = k >> U(1u);
  let scaled = p * bitcast<F>((half + 127) << U(23u)) * bitcast<F>((k - half + 127) << U(23u));
  return select(select(scaled, infinity(), x > F(88.7228394)), x, isNan(x));
}`,
  // log(x) = e ln(2) + log(m), m in [sqrt(1/2), sqrt(2)); coefficients as in FreeBSD's logf. Denormals are m 2^-149.
  logOf: `fn logOf(x: F) -> F {
  let raw = bitcast<U>(x);
  let tiny = (raw & U(0x7f800000u)) == U(0u);
  let normal = bitcast<U>(F(raw & U(0x007fffffu)));
  let bits = select(raw, normal, tiny) + U(0x3f800000u - 0x3f3504f3u);
  let e = F(I(bits >> U(23u)) - I(127)) - select(F(0.0), F(149.0), tiny);
  let f = bitcast<F>((bits & U(0x007fffffu)) + U(0x3f3504f3u)) - 1.0;
  let s = f / (f + 2.0);
  let z = s * s;
  let w = z * z;
  let r = z * (w * 0.28498786688 + 0.66666662693) + w * (w * 0.24279078841 + 0.40000972152);
  let h = f * f * 0.5;
  var y = ((s * (h + r) + e * 9.0580006145e-6) - h) + f + e * 0.69313812256;
  y = select(y, x, raw == U(0x7f800000u));
  y = select(y, nan(), (raw & U(0x80000000u)) != U(0u));
  y = select(y, -infinity(), (raw & U(0x7fffffffu)) == U(0u));
  return select(y, x, isNan(x));
}`,
  sigmoidOf: `fn sigmoidOf(x: F) -> F { return 1.0 / (expOf(-x) + 1.0); }`,
  // Near zero an odd polynomial (Cephes), else 1 - 2 / (exp(2x) + 1).
  tanhOf: `fn tanhOf(x: F) -> F {
  let z = x * x;
  var p = F(-5.70498872745e-3);
  p = p * z + 2.06390887954e-2;
  p = p * z - 5.37397155531e-2;
  p = p * z + 1.33314422036e-1;
  p = p * z - 3.33332819422e-1;
  let small = p * z * x + x;
  let a = abs(x);
  let large = withSign(1.0 - 2.0 / (expOf(a + a) + 1.0), x);
  return select(select(large, small, a < F(0.625)), x, isNan(x));
}`,
  // Two polynomials, as published by N. Juffa: near zero odd in x, else 1 - exp(q(|x|)).
  erfOf: `fn erfOf(x: F) -> F {
  let t = min(abs(x), F(5.0));
  let s = t * t;
  var q = t * -1.72853470e-5 + 3.83197126e-4;
  let u = t * -3.88396438e-3 + 2.42546219e-2;
  q = q * s + u;
  q = q * t - 1.06777877e-1;
  q = q * t - 6.34846687e-1;
  q = q * t - 1.28717512e-1;
  q = q * t - t;
  let large = select(1.0 - expOf(q), F(1.0), t > F(4.0));
  var p = F(-5.96761703e-4);
  p = p * s + 4.99119423e-3;
  p = p * s - 2.67681349e-2;
  p = p * s + 1.12819925e-1;
  p = p * s - 3.76125336e-1;
  p = p * s + 1.28379166e-1;
  let small = p * x + x;
  return select(select(small, withSign(large, x), t > F(0.927734375)), x, isNan(x));
}`,
  // atan on [0, 1] by a polynomial (Abramowitz and Stegun 4.4.49); beyond, pi/2 - atan(1/x).
  atanOf: `fn atanOf(x: F) -> F {
  let a = abs(x);
  let big = a > F(1.0);
  let t = select(a, 1.0 / max(a, F(1.0)), big);
  let s = t * t;
  var p = F(2.8662257e-3);
  p = p * s - 1.61657367e-2;
  p = p * s + 4.29096138e-2;
  p = p * s - 7.52896400e-2;
  p = p * s + 1.065626393e-1;
  p = p * s - 1.420889944e-1;
  p = p * s + 1.999355085e-1;
  p = p * s - 3.333314528e-1;
  let y = p * s * t + t;
  return select(withSign(select(y, 1.57079637 - y, big), x), x, isNan(x));
}`,
  sinOf: `fn sinOf(x: F) -> F { return sine(x, 0); }`,
  cosOf: `fn cosOf(x: F) -> F { return sine(x, 1); }`,
  // x = n pi/2 + r with pi/2 in three parts (Cephes), then the sine or cosine of r (coefficients as FreeBSD's k_sinf).
  sine: `fn sine(x: F, shift: i32) -> F {
  let a = abs(x);
  let n = round(select(x, F(0.0), a > F(8192.0)) * 0.63661977);
  let r = ((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.54978995489188e-8;
  let y = inQuadrant(r, I(n) + shift);
  let near = a <= F(8192.0);
  if (all(near)) { return y; }
  return select(wideSine(x, shift), y, near);
}
fn inQuadrant(r: F, n: I) -> F {
  let z = r * r;
  let s = r + r * z * (z * (z * -1.9515295891e-4 + 8.3321608736e-3) - 1.6666654611e-1);
  let c = (z * z) * (z * (z * 2.443315711809948e-5 - 1.388731625493765e-3) + 4.166664568298827e-2) - z * 0.5 + 1.0;
  let y = select(s, c, (n & I(1)) != I(0));
  return select(y, -y, (n & I(2)) != I(0));
}`,
  // Large arguments: the product of their 24 bits with the 96 bits of 1/(2 pi) that matter (Payne and Hanek).
  wide: `fn wide(x: f32, shift: i32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) { return nan1(); }
  var inverse = array<u32, 7>(0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u);
  let mantissa = ((bits & 0x007fffffu) << 8u) | 0x80000000u;
  let exponent = ((bits >> 23u) & 0xffu) - 126u;
  let i = exponent >> 5u;
  let e = exponent & 31u;
  var high = inverse[i];
  var middle = inverse[i + 1u];
  var low = inverse[i + 2u];
  if (e > 0u) {
    high = (high << e) | (middle >> (32u - e));
    middle = (middle << e) | (low >> (32u - e));
    low = (low << e) | (inverse[i + 3u] >> (32u - e));
  }
  let first = high1(mantissa, low);
  let second = mantissa * middle;
  let bottom = first + second;
  var top = high1(mantissa, middle) + select(0u, 1u, bottom < first) + mantissa * high;
  var n = i32(top >> 30u);
  var part = i32(top & 0x3fffffffu);
  if ((part & 0x20000000) != 0) { part -= 0x40000000; n++; }
  let r = (f32(part) + f32(bottom) * 2.3283064365386963e-10) * 1.4629180792671596e-9;
  let y = oneQuadrant(select(r, -r, x < 0.0), select(n, -n, x < 0.0) + shift);
  return y;
}
fn oneQuadrant(r: f32, n: i32) -> f32 {
  let z = r * r;
  let s = r + r * z * (z * (z * -1.9515295891e-4 + 8.3321608736e-3) - 1.6666654611e-1);
  let c = (z * z) * (z * (z * 2.443315711809948e-5 - 1.388731625493765e-3) + 4.166664568298827e-2) - z * 0.5 + 1.0;
  let y = select(s, c, (n & 1) != 0);
  return select(y, -y, (n & 2) != 0);
}`,
  wideSine: `fn wideSine(x: F, shift: i32) -> F { return EACH; }`,
  // The upper 32 bits of a product, from halves of 16 bits.
  high: `fn high(a: U, b: U) -> U {
  let al = a & U(0xffffu); let ah = a >> U(16u); let bl = b & U(0xffffu); let bh = b >> U(16u);
  let mid = ah * bl + ((al * bl) >> U(16u));
  let low = (mid & U(0xffffu)) + al * bh;
  return ah * bh + (mid >> U(16u)) + (low >> U(16u));
}`,
  high1: `fn high1(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu; let ah = a >> 16u; let bl = b & 0xffffu; let bh = b >> 16u;
  let mid = ah * bl + ((al * bl) >> 16u);
  let low = (mid & 0xffffu) + al * bh;
  return ah * bh + (mid >> 16u) + (low >> 16u);
}`,
  // Philox4x32-10 (Salmon et al., SC 2011), word index & 3 of counter index / 4.
  philox: `fn philox(index: I, low: I, high0: I, step: I, stream: I) -> I {
  let i = bitcast<U>(index);
  var c0 = i >> U(2u); var c1 = bitcast<U>(stream); var c2 = bitcast<U>(step); var c3 = U(0u);
  var k0 = bitcast<U>(low); var k1 = bitcast<U>(high0);
  for (var round = 0; round < 10; round++) {
    let h0 = high(U(0xd2511f53u), c0); let l0 = c0 * 0xd2511f53u;
    let h1 = high(U(0xcd9e8d57u), c2); let l1 = c2 * 0xcd9e8d57u;
    c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0;
    k0 += U(0x9e3779b9u); k1 += U(0xbb67ae85u);
  }
  let w = i & U(3u);
  return bitcast<I>(select(select(c0, c1, w == U(1u)), select(c2, c3, w == U(3u)), w >= U(2u)));
}`,
};

/** WGSL of the functions that `code` calls and of what they need, for elements (`width` 1) or vectors of four. */
export function functionsFor(code: string, width: 1 | 4, also: readonly string[] = []): string {
  const wanted = new Set<string>();
  const add = (name: string) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const other of needs[name] ?? []) add(other);
  };
  for (const name of Object.keys(texts)) if (also.includes(name) || code.includes(`${name}(`)) add(name);
  const types = width === 1 ? ["f32", "i32", "u32", "bool"] : ["vec4f", "vec4i", "vec4u", "vec4<bool>"];
  const each = width === 1 ? "wide(x, shift)" : `vec4f(${[..."xyzw"].map((c) => `wide(x.${c}, shift)`).join(", ")})`;
  const half =
    width === 1
      ? "return unpack2x16float(halvesOf(vec4u(bitcast<u32>(x))).x).x;"
      : "let h = halvesOf(bitcast<vec4u>(x)); return vec4f(unpack2x16float(h.x | (h.y << 16u)), unpack2x16float(h.z | (h.w << 16u)));";
  const typed = (text: string) =>
    text
      .replace(/\b([FIUB])\b/g, (letter) => types["FIUB".indexOf(letter)]!)
      .replace("EACH", each)
      .replace("HALF", half);
  return [...wanted].map((name) => typed(texts[name]!)).join("\n");
}
