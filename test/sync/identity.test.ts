// @vitest-environment node
import { memoryStorage } from "convex-replicate/client";
import { expect, it, vi } from "vitest";
import { devToken } from "../../dev/backend/index.js";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  startApp,
  task,
  type Device,
} from "./harness.js";

// An app that does not pass `identity`: the local data is still one person's.

const signIn = ({ client }: Device, sub: string) => client.setAuth(async () => devToken({ sub }));
const signOut = ({ client }: Device) => client.client.clearAuth();

const blocked = (device: Device) =>
  eventually(() => {
    const { phase, reason } = device.utils.status.get();
    expect({ phase, code: reason?.code }).toEqual({ phase: "blocked", code: "IDENTITY_CHANGED" });
  });

/** Ann's device, in the middle of her work. */
async function annAtWork() {
  const backend = await startApp();
  const device = openDevice(backend);
  const other = openDevice(backend);
  signIn(device, "ann");
  device.tasks.insert(task("a"));
  await converged(device, other);
  return { backend, device, other };
}

it("what was made before anyone signed in becomes theirs who does", async () => {
  const backend = await startApp();
  const device = openDevice(backend);
  device.tasks.insert(task("a"));
  await converged(device);
  device.network.cut();
  device.tasks.update("a", (draft) => void (draft.title = "offline"));
  signIn(device, "ann");
  device.network.restore();
  device.tasks.insert(task("b"));
  expect(await converged(device)).toMatchObject([{ title: "offline" }, { id: "b" }]);
});

it("signed out, nothing is sent and nothing arrives, until the same person is back", async () => {
  const { backend, device, other } = await annAtWork();
  const pushes = () => backend.faults.calls.get("tasks:push");
  signOut(device);
  await blocked(device);
  expect(device.utils.status.get().reason!.message).toContain("Sign in again");
  const before = pushes();
  device.tasks.update("a", (draft) => void (draft.votes = 1));
  await eventually(() => expect(device.utils.status.get().pending).toBe(1));
  other.tasks.update("a", (draft) => void (draft.title = "meanwhile"));
  await converged(other);
  expect(rowsOf(device)).toMatchObject([{ title: "Task a", votes: 1 }]);
  expect(pushes()).toBe(before + 1); // the other device's

  signIn(device, "ann");
  expect(await converged(device, other)).toMatchObject([{ title: "meanwhile", votes: 1 }]);
  expect(device.utils.status.get()).toMatchObject({ phase: "live", reason: null, rejected: 0 });
});

it("nothing of it goes out as someone else's, and nothing of theirs comes in", async () => {
  const { device, other } = await annAtWork();
  device.network.cut();
  device.tasks.update("a", (draft) => void (draft.title = "Ann's"));
  await eventually(() => expect(device.utils.status.get().pending).toBe(1));
  signIn(device, "bob");
  device.network.restore();
  await blocked(device);
  expect(device.utils.status.get().reason!.message).toContain("`identity`");
  other.tasks.insert(task("b"));
  expect(await converged(other)).toMatchObject([{ title: "Task a" }, { id: "b" }]);
  expect(rowsOf(device)).toMatchObject([{ title: "Ann's" }]);
  expect(device.utils.status.get()).toMatchObject({ pending: 1, rejected: 0 });

  signIn(device, "ann");
  expect(await converged(device, other)).toMatchObject([{ title: "Ann's" }, { id: "b" }]);
});

it("a page whose sign-in takes a while goes on by itself once it is there", async () => {
  const backend = await startApp();
  const storage = memoryStorage();
  const first = openDevice(backend, { storage });
  signIn(first, "ann");
  first.tasks.insert(task("a"));
  await converged(first);
  await first.close();

  const second = openDevice(backend, { storage });
  second.tasks.insert(task("b"));
  await blocked(second);
  signIn(second, "ann");
  expect(await converged(second)).toMatchObject([{ id: "a" }, { id: "b" }]);
});

it("a fresh token of the same person changes nothing", async () => {
  const { device, other } = await annAtWork();
  const phases: string[] = [];
  const stop = device.utils.status.subscribe(({ phase }) => phases.push(phase));
  device.client.setAuth(async () => devToken({ sub: "ann", name: "Ann" }));
  device.tasks.update("a", (draft) => void (draft.votes = 1));
  await converged(device, other);
  stop();
  expect(phases).not.toContain("blocked");
});

it("while someone else is signed in, nothing new can be written into the data of the first", async () => {
  const { device, other } = await annAtWork();
  signIn(device, "bob");
  await blocked(device);
  const refused = expect.objectContaining({ code: "IDENTITY_CHANGED" });
  expect(() => device.tasks.insert(task("b"))).toThrow(refused);
  expect(() => device.tasks.update("a", (draft) => void (draft.votes = 9))).toThrow(refused);
  const report = vi.spyOn(console, "error").mockReturnValue();
  await expect(device.tasks.delete("a").isPersisted.promise).rejects.toThrow(refused);
  report.mockRestore();
  expect(device.utils.outbox.list()).toEqual([]);

  signIn(device, "ann");
  await eventually(() => expect(device.utils.status.get().phase).toBe("live"));
  expect(await converged(device, other)).toMatchObject([{ id: "a", votes: 0 }]);
  device.tasks.update("a", (draft) => void (draft.votes = 1));
  expect(await converged(device, other)).toMatchObject([{ votes: 1 }]);
});

it.each([{ force: true }, {}])(
  "an identity that was first synced as someone else is told so, and can begin anew",
  async (options) => {
    const backend = await startApp();
    const storage = memoryStorage();
    const device = openDevice(backend, { storage, identity: "zoe" });
    signIn(device, "ann");
    device.tasks.insert(task("a"));
    await converged(device);
    signIn(device, "zoe");
    await blocked(device);
    expect(device.utils.status.get().reason!.message).toMatch(
      /identity "zoe".*was first synced while someone else.*clear\(\).*unsent.*isAuthenticated/,
    );
    await device.utils.clear(options);
    await converged(device);
    device.tasks.insert(task("b"));
    expect(await converged(device)).toMatchObject([{ id: "a" }, { id: "b" }]);
  },
);
