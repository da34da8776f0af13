import { TensorError } from "../../errors.js";

/** The GPU went away, or could not do what was asked of it: the backend is of no use any more, a new one may be opened. */
export class DeviceLostError extends TensorError {
  /** `lost` by the driver or the browser, or `failed` on a command. */
  readonly reason: "lost" | "failed";

  constructor(reason: "lost" | "failed", message: string) {
    super(
      "webgpu",
      `the GPU device ${reason === "lost" ? "was lost" : "failed"}: ${message || "no reason given"}. Its tensors are gone. ` +
        "Open a new one with use(await webgpu()) and load the last checkpoint; if it happens again, use a smaller batch.",
    );
    this.name = "DeviceLostError";
    this.reason = reason;
  }
}

/** The driver could not make a kernel; nothing ran and nothing was updated, and the backend stays usable. */
export class KernelError extends TensorError {
  /** The group of operations that the kernel computes. */
  readonly kernel: string;

  constructor(kernel: string, message: string) {
    super(
      "webgpu",
      `the kernel of ${kernel} could not be compiled: ${message.trim() || "no reason given"}. Nothing was computed or updated. ` +
        "A newer driver or browser may take it; the CPU backend computes the same.",
    );
    this.name = "KernelError";
    this.kernel = kernel;
  }
}
