/** Decoded pictures in memory, up to a budget: what is in stays, what does not fit is decoded each time. */
export class PictureCache {
  private readonly budgetBytes: number;
  private usedBytes = 0;
  private readonly pictures = new Map<string, Uint8Array>();

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  get(path: string): Uint8Array | undefined {
    return this.pictures.get(path);
  }

  /** Keeps a picture if it fits. */
  offer(path: string, picture: Uint8Array): void {
    if (this.pictures.has(path) || this.usedBytes + picture.length > this.budgetBytes) return;
    this.usedBytes += picture.length;
    this.pictures.set(path, picture);
  }
}
