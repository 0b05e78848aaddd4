import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { expect, expectTypeOf, it } from "vitest";
import { INITIAL_STATUS, StatusHolder } from "../client/status.js";
import { useSyncStatus, type SyncStatus } from "./index.js";

function Badge({ status }: { status: StatusHolder }) {
  const { phase, pending } = useSyncStatus({ utils: { status } });
  return `${phase}, ${pending} pending`;
}

it("renders on a server, in strict mode too, and subscribes to nothing there", () => {
  const status = new StatusHolder();
  const page = (
    <StrictMode>
      <Badge status={status} />
    </StrictMode>
  );
  status.subscribe = () => {
    throw new Error("nobody subscribes on a server");
  };
  expect(renderToString(page)).toBe("loading, 0 pending");
});

it("renders on a server what a browser renders first, whatever the server knows", () => {
  const status = new StatusHolder();
  status.set({ ...INITIAL_STATUS, phase: "offline", pending: 1 });
  expect(renderToString(<Badge status={status} />)).toBe("loading, 0 pending");
});

it("is a status, and nothing looser", () => {
  expectTypeOf(useSyncStatus).returns.toEqualTypeOf<SyncStatus>();
});
