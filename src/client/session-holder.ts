import type { Session } from "./session.js";

type Owner = {
  open(): Session;
  /** Whether someone uses it for longer than one operation takes. */
  isUsed(): boolean;
  closed(): void;
};

/** Has a session from its first use until nobody needs it and it has nothing left to do. */
export class SessionHolder {
  readonly #owner: Owner;
  #current: Session | null = null;
  /** How many operations need the session to stay open. */
  #holds = 0;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get current(): Session | null {
    return this.#current;
  }

  /** The session, opened now if there is none. */
  use(): Session {
    return (this.#current ??= this.#owner.open());
  }

  /** Does something that the session must stay open for. */
  async hold<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#holds += 1;
    try {
      return await work(this.use());
    } finally {
      this.#holds -= 1;
      this.closeWhenIdle();
    }
  }

  /** The session once what is on disk has been read; by then another one may be in its place. */
  async opened(): Promise<Session> {
    const session = this.use();
    await session.data.opened;
    return session === this.#current ? session : this.opened();
  }

  /** Nobody listens and nothing is unsent: let go of storage, network and lock. */
  closeWhenIdle() {
    if (this.#holds > 0 || this.#owner.isUsed() || !this.#current?.isIdle()) return;
    this.end();
    this.#owner.closed();
  }

  /** Ends it, whatever it has left to do. */
  end() {
    const ended = this.#current;
    this.#current = null; // first: what it still reports is not the current one's
    void ended?.close();
  }
}
