/** Decoded pictures in memory, up to a budget: what is in stays, what does not fit is decoded each time. */
export class PictureCache {
  readonly budgetBytes: number;
  private used = 0;
  private readonly pictures = new Map<string, Uint8Array>();

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /** Bytes taken. */
  get usedBytes(): number {
    return this.used;
  }

  get(path: string): Uint8Array | undefined {
    return this.pictures.get(path);
  }

  /** Keeps a picture if it fits. */
  offer(path: string, picture: Uint8Array): void {
    if (this.pictures.has(path) || this.used + picture.length > this.budgetBytes) return;
    this.used += picture.length;
    this.pictures.set(path, picture);
  }
}
