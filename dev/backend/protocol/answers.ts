import type { MutationAnswer } from "./messages.js";

/** Enough for a long day of development; Convex keeps them for two weeks. */
const MAX_ANSWERS = 20_000;

/**
 * Exactly-once mutations. A client that lost its socket sends a mutation again with the same session
 * and request id; if it had committed, the first answer is given again. One that failed left no
 * trace and may run again. Answers of an earlier process are the runtime's to remember.
 */
export class MutationAnswers {
  #answers = new Map<string, Promise<MutationAnswer>>();

  async once(
    sessionId: string,
    requestId: number,
    run: (requestKey: string) => Promise<MutationAnswer>,
  ): Promise<MutationAnswer> {
    const key = `${sessionId}:${requestId}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const running = run(key);
    this.#remember(key, running);
    try {
      const answer = await running;
      if (!answer.success) this.#answers.delete(key);
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
