// What the benchmark of worker threads does to a row: a picture is made and blurred again and again, in plain JavaScript.

const side = 64;

/** @param {Float32Array<ArrayBuffer>} pixels */
function blur(pixels) {
  const blurred = new Float32Array(side * side);
  for (let y = 3; y < side - 3; y++) {
    for (let x = 3; x < side - 3; x++) {
      let sum = 0;
      for (let dy = -3; dy <= 3; dy++) for (let dx = -3; dx <= 3; dx++) sum += pixels[(y + dy) * side + x + dx];
      blurred[y * side + x] = sum / 49;
    }
  }
  return blurred;
}

/** @param {number} row @returns {Float32Array} [side * side] */
export default function picture(row) {
  let state = (row * 2654435761 + 1) >>> 0;
  let pixels = Float32Array.from({ length: side * side }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
  for (let pass = 0; pass < 20; pass++) pixels = blur(pixels);
  return pixels;
}
