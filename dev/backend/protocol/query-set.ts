import { setTimeout as sleep } from "node:timers/promises";
import type { Commit } from "../runtime.js";
import type { Calls } from "./calls.js";
import type { AddQuery, ModifyQuerySet, StateModification } from "./messages.js";
import { ProtocolError } from "./protocol-error.js";
import { Subscription } from "./subscription.js";

/** What one client is subscribed to. */
export class QuerySet {
  /** Counts the client's changes to the set. */
  version = 0;
  #calls: Calls;
  #onReleased: () => void;
  #subscriptions = new Map<number, Subscription>();
  #removed: number[] = [];

  /** `onReleased`: a subscription that a fault had delayed may run now. */
  constructor(calls: Calls, onReleased: () => void) {
    this.#calls = calls;
    this.#onReleased = onReleased;
  }

  modify(message: ModifyQuerySet): void {
    if (message.baseVersion !== this.version) {
      throw new ProtocolError(
        `Base version ${message.baseVersion} passed up doesn't match the current version ${this.version}`,
      );
    }
    for (const modification of message.modifications) {
      if (modification.type === "Add") this.#add(modification);
      else this.#remove(modification.queryId);
    }
    this.version = message.newVersion;
  }

  /** Another identity may get other results from every query. */
  markAllStale(): void {
    for (const subscription of this.#subscriptions.values()) subscription.markStale();
  }

  observe(commits: readonly Commit[]): void {
    for (const subscription of this.#subscriptions.values()) subscription.observe(commits);
  }

  toRun(): Subscription[] {
    return [...this.#subscriptions.values()].filter((subscription) => subscription.needsRun);
  }

  takeRemoved(): StateModification[] {
    return this.#removed.splice(0).map((queryId) => ({ type: "QueryRemoved", queryId }));
  }

  #add(add: AddQuery): void {
    if (this.#subscriptions.has(add.queryId)) {
      throw new ProtocolError(`Duplicate query ID: ${add.queryId}`);
    }
    const fate = this.#calls.meet("query", add.udfPath);
    const subscription = new Subscription(add, fate);
    this.#subscriptions.set(add.queryId, subscription);
    const { before, after } = fate.delayMs;
    if (before + after > 0) void this.#hold(subscription, before + after);
  }

  async #hold(subscription: Subscription, ms: number): Promise<void> {
    subscription.held = true;
    await sleep(ms);
    subscription.held = false;
    this.#onReleased();
  }

  #remove(queryId: number): void {
    if (!this.#subscriptions.delete(queryId)) {
      throw new ProtocolError(`Nonexistent query id: ${queryId}`);
    }
    this.#removed.push(queryId);
  }
}
