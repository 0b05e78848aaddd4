import type { ServerMessage } from "./messages.js";

/** Convex's own limit of one WebSocket message, in UTF-16 units instead of its bytes. */
const MAX_MESSAGE_LENGTH = 5_000_000;

let transitions = 0;

/** The WebSocket messages that carry `message`: several when a transition is too long for one. */
export function toFrames(message: ServerMessage, maxLength = MAX_MESSAGE_LENGTH): string[] {
  const text = JSON.stringify(message);
  if (message.type !== "Transition" || text.length <= maxLength) return [text];
  const chunks = split(text, maxLength);
  const transitionId = String(++transitions);
  return chunks.map((chunk, partNumber) =>
    JSON.stringify({
      type: "TransitionChunk",
      chunk,
      partNumber,
      totalParts: chunks.length,
      transitionId,
    } satisfies ServerMessage),
  );
}

/** Never between the halves of a surrogate pair: alone, neither of them survives UTF-8. */
function split(text: string, maxLength: number): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + maxLength, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
