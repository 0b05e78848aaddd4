import { useSyncStatus } from "convex-replicate/react";
import { useEffect, useState } from "react";
import { tasks } from "../store.js";
import { Icon } from "../ui/Icon.js";

type OutboxRecord = Awaited<ReturnType<typeof tasks.utils.outbox.list>>[number];

/** The changes the server has refused. They wait in the outbox until the person decides. */
function useRefused(): OutboxRecord[] {
  const { rejected } = useSyncStatus(tasks);
  const [records, setRecords] = useState<OutboxRecord[]>([]);
  useEffect(() => {
    let current = true;
    void Promise.resolve(tasks.utils.outbox.list()).then((all) => {
      if (current) setRecords(all.filter((record) => record.rejected));
    });
    return () => {
      current = false;
    };
  }, [rejected]);
  return rejected === 0 ? [] : records;
}

const KINDS: Record<string, string> = { insert: "New task", update: "Edit", remove: "Deletion" };

export function RefusedChanges() {
  const records = useRefused();
  if (records.length === 0) return null;
  return (
    <section className="refused" data-testid="refused" role="alert" aria-labelledby="refused-title">
      <h2 id="refused-title">
        <Icon name="warning" />
        {records.length === 1
          ? "The server refused a change"
          : `The server refused ${records.length} changes`}
      </h2>
      <ul>
        {records.map((record) => (
          <RefusedChange key={record.seq} record={record} />
        ))}
      </ul>
    </section>
  );
}

function RefusedChange({ record }: { record: OutboxRecord }) {
  const title = tasks.get(record.document)?.title;
  return (
    <li>
      <p className="refused-what">
        {KINDS[record.kind] ?? record.kind}
        {title && <> of “{title}”</>}
      </p>
      <p className="refused-why">{record.rejected?.message}</p>
      <div className="refused-actions">
        <button
          type="button"
          className="text-button"
          data-testid="refused-retry"
          onClick={() => void tasks.utils.outbox.retry(record.seq)}
        >
          Try again
        </button>
        <button
          type="button"
          className="text-button"
          data-testid="refused-discard"
          onClick={() => void tasks.utils.outbox.discard(record.seq)}
        >
          Discard
        </button>
      </div>
    </li>
  );
}
