import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { expect, expectTypeOf, it } from "vitest";
import { INITIAL_STATUS, StatusHolder } from "../client/status.js";
import type { Row } from "../shared/fields.js";
import { convexCollectionOptions } from "../client/collection.js";
import { api, fakeClient } from "../client/collection-setup.test.js";
import { taskFields } from "../client/setup.test.js";
import { useOutbox, useSyncStatus, type OutboxItem, type SyncStatus } from "./index.js";

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

it("renders an outbox on a server as empty, and types its rows", () => {
  const { utils } = convexCollectionOptions({
    convexClient: fakeClient().client,
    api,
    fields: taskFields,
  });
  function Outbox() {
    const items = useOutbox({ utils });
    expectTypeOf(items).toEqualTypeOf<readonly OutboxItem<Row<typeof taskFields>>[]>();
    return `${items.length} changes`;
  }
  expect(renderToString(<Outbox />)).toBe("0 changes");
});

it("is a status, and nothing looser", () => {
  expectTypeOf(useSyncStatus).returns.toEqualTypeOf<SyncStatus>();
});
