const usage = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 };
const mapRead = 1;
const invocations = 64;

const code = `enable subgroups;
@group(0) @binding(0) var<storage, read_write> found: array<u32, ${invocations}>;
@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32, @builtin(subgroup_invocation_id) lane: u32) {
  found[local.x] = select(0u, size, local.x % size == lane && ${invocations}u % size == 0u);
}`;

/**
 * True when the lanes of a device's subgroups are neighbours in their workgroup, in order. WGSL leaves that open, kernels that add up
 * rows rely on it; so it is looked at once, when a device is opened.
 */
export async function lanesAreInOrder(device: GPUDevice): Promise<boolean> {
  if (!device.features.has("subgroups")) return false;
  const size = invocations * 4;
  const [found, read] = [usage.STORAGE | usage.COPY_SRC, usage.MAP_READ | usage.COPY_DST].map((usage) =>
    device.createBuffer({ size, usage }),
  ) as [GPUBuffer, GPUBuffer];
  const module = device.createShaderModule({ code });
  try {
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module, entryPoint: "main" },
    });
    const entries = [{ binding: 0, resource: { buffer: found } }];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(found, 0, read, 0, size);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(mapRead);
    return new Uint32Array(read.getMappedRange()).every((lanes) => lanes >= 4);
  } catch {
    return false;
  } finally {
    found.destroy();
    read.destroy();
  }
}
