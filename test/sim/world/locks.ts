import type { World } from "./world.js";

/** How long it takes until the next in line has the lock, in ms. */
const HANDOVER_MS = 1;

type Request<Owner> = { owner: Owner; granted: () => void; lost: () => void };

/** One Web Lock of a browser profile: a queue whose first has it. */
export class Locks<Owner> {
  #queue: Request<Owner>[] = [];

  constructor(readonly world: World) {}

  get holder(): Owner | null {
    return this.#queue[0]?.owner ?? null;
  }

  /**
   * @param granted Called when it is this one's turn.
   * @param lost Called when another one has taken the turn by force.
   * @returns gives the turn or the place up.
   */
  request(owner: Owner, granted: () => void, lost: () => void, how: "queue" | "steal"): () => void {
    const request = { owner, granted, lost };
    if (how === "steal") {
      this.#queue.shift()?.lost();
      this.#queue.unshift(request);
    } else {
      this.#queue.push(request);
    }
    if (this.#queue[0] === request) this.#grant();
    return () => {
      const held = this.#queue[0] === request;
      this.#queue = this.#queue.filter((other) => other !== request);
      if (held) this.#grant();
    };
  }

  #grant() {
    const first = this.#queue[0];
    if (!first) return;
    this.world.time.after(HANDOVER_MS, () => this.#queue[0] === first && first.granted());
  }
}
