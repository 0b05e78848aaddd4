import type { FieldChange, RejectedChange } from "convex-replicate/client";
import { useOutbox } from "convex-replicate/react";
import type { Task } from "../../convex/fields.js";
import { tasks } from "../store.js";
import { Icon } from "../ui/Icon.js";
import { showToast } from "../ui/toasts.js";

type Refused = RejectedChange<Task>;

const OPS: Record<Refused["op"], string> = {
  insert: "New task",
  update: "Edit",
  remove: "Deletion",
};

/** The changes that the server has refused. They wait in the outbox until the person decides. */
export function RefusedChanges() {
  const records = useOutbox(tasks).filter((change) => change.status === "rejected");
  if (records.length === 0) return null;
  return (
    <section className="refused" data-testid="refused" role="alert" aria-labelledby="refused-title">
      <h2 id="refused-title">
        <Icon name="warning" />
        {records.length === 1
          ? "The server refused a change"
          : `The server refused ${records.length} changes`}
        <button type="button" className="text-button" onClick={saveCopy}>
          Save a copy
        </button>
      </h2>
      <ul>
        {records.map((record) => (
          <RefusedChange key={record.seq} record={record} />
        ))}
      </ul>
    </section>
  );
}

function RefusedChange({ record }: { record: Refused }) {
  const title = (record.row ?? record.base)?.title;
  return (
    <li>
      <p className="refused-what">
        {OPS[record.op]}
        {title && <> of “{title}”</>}
      </p>
      {record.op === "update" && (
        <p className="refused-lost" title="What is lost if you discard this">
          {record.changes.map(describeChange).join(", ")}
        </p>
      )}
      <p className="refused-why">{record.message}</p>
      <div className="refused-actions">
        <button
          type="button"
          className="text-button"
          data-testid="refused-retry"
          onClick={() => decide(tasks.utils.outbox.retry(record.seq))}
        >
          Try again
        </button>
        <button
          type="button"
          className="text-button"
          data-testid="refused-discard"
          onClick={() => decide(tasks.utils.outbox.discard(record.seq))}
        >
          Discard
        </button>
      </div>
    </li>
  );
}

/** Says why where it does not work, for example because the change on disk is damaged. */
function decide(decision: Promise<boolean>) {
  decision.catch((error: Error) => showToast(error.message));
}

/** `details › due: 2026-12-24`, or `details › due removed`. */
function describeChange({ path, value }: FieldChange): string {
  const field = path.join(" › ");
  return value === undefined ? `${field} removed` : `${field}: ${String(value)}`;
}

/** Everything that is not on the server, as a file: to keep, or to send to whoever can help. */
function saveCopy() {
  const file = new Blob([JSON.stringify(tasks.utils.outbox.export(), null, 2)]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = "unsent-changes.json";
  link.click();
  URL.revokeObjectURL(link.href);
}
