import { type Callback, Cancel } from "@fai/train";

/** A callback that ends the fit after the current batch when Ctrl-C is pressed; pressed again, the process ends at once. */
export function stopOnInterrupt(): Callback & { readonly interrupted: boolean } {
  let interrupted = false;
  const note = () => {
    interrupted = true;
  };
  return {
    get interrupted() {
      return interrupted;
    },
    beforeFit: () => {
      process.once("SIGINT", note);
    },
    beforeBatch: () => {
      if (interrupted) throw new Cancel("fit");
    },
    afterFit: () => {
      process.off("SIGINT", note);
    },
  };
}
