import { rasterize, type Stroke, size } from "./strokes.js";

/** What the pad shows: nothing, a drawing, or a picture that was dropped on it. */
export type PadContent = { readonly pixels: Uint8Array<ArrayBuffer> } | undefined;

/** A canvas to draw on with mouse, pen, finger or keys. `onChange` hears of every change, also while a line is being drawn. */
export class Pad {
  private strokes: number[][] = [];
  private picture: Uint8Array<ArrayBuffer> | undefined;
  private pointer: number | undefined;
  /** Where the keys are, from 0 to 1, and whether their pen is down. */
  private cursor = { x: 0.5, y: 0.5, down: false, shown: false };
  private readonly canvas: HTMLCanvasElement;
  private readonly onChange: () => void;

  constructor(canvas: HTMLCanvasElement, onChange: () => void) {
    this.canvas = canvas;
    this.onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId === this.pointer) this.pointer = undefined;
      });
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = { ...this.cursor, down: false, shown: false };
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** u8 [size, size, 3], or undefined while there is nothing to see. */
  get content(): PadContent {
    if (this.picture) return { pixels: this.picture };
    return this.strokes.length > 0 ? { pixels: rasterize(this.strokes) } : undefined;
  }

  clear(): void {
    this.show([], undefined);
  }

  /** Takes back the last line, or the picture. */
  undo(): void {
    this.show(this.picture ? this.strokes : this.strokes.slice(0, -1), undefined);
  }

  /** Shows lines with coordinates from 0 to 1. */
  showStrokes(strokes: readonly Stroke[]): void {
    this.show(
      strokes.map((stroke) => [...stroke]),
      undefined,
    );
  }

  /** Shows a picture u8 [size, size, 3]. */
  showPicture(pixels: Uint8Array<ArrayBuffer>): void {
    this.show([], pixels);
  }

  private show(strokes: number[][], picture: Uint8Array<ArrayBuffer> | undefined): void {
    this.strokes = strokes;
    this.picture = picture;
    this.pointer = undefined;
    this.cursor.down = false;
    this.changed();
  }

  private changed(): void {
    this.draw();
    this.onChange();
  }

  private place(event: PointerEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  private begin(event: PointerEvent): void {
    if (this.pointer !== undefined || event.button !== 0) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.picture = undefined;
    this.strokes.push(this.place(event));
    this.changed();
  }

  private go(event: PointerEvent): void {
    if (event.pointerId !== this.pointer) return;
    // A fast hand gives several places in one event.
    const places = event.getCoalescedEvents?.() ?? [];
    this.strokes.at(-1)!.push(...(places.length > 0 ? places : [event]).flatMap((each) => this.place(each)));
    this.changed();
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    const { cursor } = this;
    if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) {
        this.picture = undefined;
        this.strokes.push([cursor.x, cursor.y]);
      }
    } else if (move) {
      const clip = (value: number) => Math.min(0.96, Math.max(0.04, value));
      cursor.x = clip(cursor.x + 0.05 * move[0]);
      cursor.y = clip(cursor.y + 0.05 * move[1]);
      if (cursor.down) this.strokes.at(-1)!.push(cursor.x, cursor.y);
    } else return;
    event.preventDefault();
    cursor.shown = true;
    this.changed();
  }

  private draw(): void {
    const { canvas, strokes, picture, cursor } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d")!;
    const style = getComputedStyle(canvas);
    context.clearRect(0, 0, side, side);
    if (picture) {
      context.imageSmoothingEnabled = false;
      context.drawImage(pictureCanvas(picture), 0, 0, side, side);
    }
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = side * 0.028;
    context.strokeStyle = style.getPropertyValue("--ink");
    for (const stroke of strokes) {
      context.beginPath();
      for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i]! * side, stroke[i + 1]! * side);
      // A line of one place is a dot.
      if (stroke.length === 2) context.lineTo(stroke[0]! * side, stroke[1]! * side + 0.01);
      context.stroke();
    }
    if (!cursor.shown) return;
    context.beginPath();
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = style.getPropertyValue("--accent");
    context.arc(cursor.x * side, cursor.y * side, side * (cursor.down ? 0.018 : 0.03), 0, 2 * Math.PI);
    context.stroke();
  }
}

/** A canvas of size x size pixels with a picture u8 [size, size, 3] on it; without color it is taken for a drawing (class `drawing`). */
export function pictureCanvas(pixels: Uint8Array): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  let isGrey = true;
  for (let i = 0; i < size * size; i++) {
    const [red, green, blue] = pixels.subarray(3 * i, 3 * i + 3);
    isGrey &&= red === green && green === blue;
    image.data.set([red!, green!, blue!, 255], 4 * i);
  }
  canvas.className = isGrey ? "drawing" : "";
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}
