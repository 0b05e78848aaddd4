import type { DeviceOptions } from "../sync/harness.js";
import { openDevice, startApp } from "../sync/harness.js";

export { converged, eventually, openDevice, rowsOf, task, type Device } from "../sync/harness.js";

/** Two devices of one app: what `a` writes is for `b` to see, and the other way round. */
export async function twoDevices(options: DeviceOptions = {}) {
  const backend = await startApp();
  return { backend, a: openDevice(backend, options), b: openDevice(backend) };
}
