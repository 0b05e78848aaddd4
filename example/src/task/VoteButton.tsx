import { useState } from "react";
import { Icon } from "../ui/Icon.js";
import { vote } from "./actions.js";

/** Made for rapid clicking: each click is its own instant local change, sent together a moment later. */
export function VoteButton({ id, votes }: { id: string; votes: number }) {
  const [votesAtFirst] = useState(votes);
  return (
    <button
      type="button"
      className="vote"
      data-testid="task-vote"
      aria-label={`Vote, ${votes} so far`}
      onClick={() => vote(id)}
    >
      <Icon name="up" />
      {/* A new key replays the little bump. */}
      <span
        key={votes}
        className="vote-count"
        data-bump={votes !== votesAtFirst || undefined}
        data-testid="task-votes"
      >
        {votes}
      </span>
    </button>
  );
}
