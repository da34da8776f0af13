import { TensorError } from "../../errors.js";

/** What a device lets one kernel have. */
export interface Limits {
  /** The most bytes that one binding covers. */
  readonly bindingBytes: number;
  /** How many bindings of tensors a kernel may have; one more is the guard's. */
  readonly bindings: number;
  /** The most workgroups in one dimension of a grid. */
  readonly workgroups: number;
}

/** Smaller limits than the device's own: what `webgpu({ limits })` takes. */
export interface LimitOptions {
  /** The most bytes that a kernel binds in one piece (a multiple of 256). */
  bindingBytes?: number;
  /** The most workgroups in one dimension of a kernel's grid. */
  workgroups?: number;
}

/** Starts of bindings are multiples of so many bytes (the ceiling of `minStorageBufferOffsetAlignment`). */
export const bindingAlignment = 256;

/** The limits of a device, or smaller ones where asked. Throws on limits that the device does not have. */
export function limitsOf(device: GPUDevice, { bindingBytes, workgroups }: LimitOptions = {}): Limits {
  const { maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeWorkgroupsPerDimension } =
    device.limits;
  // Words are numbered by i32 in kernels, and bytes as well.
  const most = floor(Math.min(maxStorageBufferBindingSize, 2 ** 31 - bindingAlignment));
  const check = (name: string, value: number | undefined, most: number, least: number) => {
    if (value === undefined || (Number.isInteger(value / least) && value >= least && value <= most)) return;
    throw new TensorError("webgpu", `limits.${name} is ${value}. Give a multiple of ${least}, at most ${most}.`);
  };
  check("bindingBytes", bindingBytes, most, bindingAlignment);
  check("workgroups", workgroups, maxComputeWorkgroupsPerDimension, 1);
  return {
    bindingBytes: bindingBytes ?? most,
    bindings: maxStorageBuffersPerShaderStage - 1,
    workgroups: workgroups ?? maxComputeWorkgroupsPerDimension,
  };
}

function floor(bytes: number): number {
  return Math.floor(bytes / bindingAlignment) * bindingAlignment;
}
