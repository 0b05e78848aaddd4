import type { MutationAnswer } from "./messages.js";

/** Enough for a long day of development; Convex keeps them for two weeks. */
const MAX_ANSWERS = 20_000;

/**
 * Exactly-once mutations. A client that lost its socket sends a mutation again with the same session
 * and request id; if it had committed, the first answer is given again. One that failed left no
 * trace and may run again.
 */
export class MutationAnswers {
  #answers = new Map<string, Promise<MutationAnswer>>();
  #onCommitted: (key: string, answer: MutationAnswer) => void;

  constructor(
    known: Iterable<readonly [key: string, answer: MutationAnswer]>,
    onCommitted: (key: string, answer: MutationAnswer) => void,
  ) {
    for (const [key, answer] of known) this.#answers.set(key, Promise.resolve(answer));
    this.#onCommitted = onCommitted;
  }

  async once(
    sessionId: string,
    requestId: number,
    run: () => Promise<MutationAnswer>,
  ): Promise<MutationAnswer> {
    const key = `${sessionId}:${requestId}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const running = run();
    this.#remember(key, running);
    try {
      const answer = await running;
      if (answer.success) this.#onCommitted(key, answer);
      else this.#answers.delete(key);
      return answer;
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }

  #remember(key: string, answer: Promise<MutationAnswer>): void {
    this.#answers.set(key, answer);
    if (this.#answers.size <= MAX_ANSWERS) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
