import type { Value } from "convex/values";
import type { Ledger } from "./oracle/ledger.js";
import { marksOf } from "./oracle/history.js";
import type { Dice } from "./world/dice.js";
import type { Tab } from "./world/tab.js";
import type { World } from "./world/world.js";

export const DOCUMENTS = ["a", "b", "c"];

/** What becomes of a change at the server's hooks, by the first word of its title. */
const TITLES = { plain: 16, forbidden: 1, guarded: 4, fragile: 1, vetoed: 1 };

/** The people in front of the pages: they change what they see, and look at what they get. */
export class Users {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #ledger: Ledger;
  readonly #complain: (problem: string) => void;
  #count = 0;

  /** @param complain Called when a page does not show what was just entered. */
  constructor(world: World, ledger: Ledger, complain: (problem: string) => void) {
    this.#world = world;
    this.#dice = world.dice;
    this.#ledger = ledger;
    this.#complain = complain;
  }

  edit(tab: Tab, document = this.#dice.pick(DOCUMENTS), kind = this.#dice.weighted(TITLES)) {
    if (tab.isFrozen) return; // it takes no input
    const shown = tab.rows.get(document);
    const mark = `m${this.#count++}`;
    const title = `${kind} ${mark}`;
    const original = { id: document, ...shown };
    const modified = {
      ...original,
      title,
      marks: { ...marksOf(shown), [mark]: this.#count },
      ...this.#details(mark),
    };
    const op = shown ? "update" : "insert";
    this.#world.time.note(() => `  ${tab.name}: ${op} ${document} with ${title}`);
    const seen = Object.keys(marksOf(shown));
    this.#ledger.add({ document, kind: op, title, mark, seen, tab });
    tab.engine.accept([{ type: op, key: document, original: shown ? original : {}, modified }]);
    const after = tab.rows.get(document);
    if (after?.["title"] !== title || marksOf(after)[mark] === undefined) {
      this.#complain(`${tab.name} does not show ${title} of ${document} that was just entered`);
    }
  }

  remove(tab: Tab) {
    const shown = [...tab.rows.keys()];
    if (tab.isFrozen || shown.length === 0) return;
    const document = this.#dice.pick(shown);
    const row = tab.rows.get(document)!;
    const original = { id: document, ...row };
    this.#world.time.note(() => `  ${tab.name}: remove ${document}`);
    const seen = Object.keys(marksOf(row));
    this.#ledger.add({ document, kind: "remove", title: "", mark: null, seen, tab });
    tab.engine.accept([{ type: "delete", key: document, original, modified: original }]);
    if (tab.rows.has(document)) {
      this.#complain(`${tab.name} still shows ${document}, which was just removed`);
    }
  }

  /** Retries or discards what the server refused. */
  decide(tab: Tab) {
    const rejected = tab.engine.records().filter((record) => record.rejected && record.seq);
    if (tab.isFrozen || rejected.length === 0) return;
    const record = this.#dice.pick(rejected);
    this.#ledger.listen(tab);
    if (this.#dice.chance(0.5)) {
      tab.engine.outbox.discard(record.seq!).catch(() => undefined);
      return;
    }
    this.#ledger.retried(record);
    tab.engine.outbox.retry(record.seq!).catch(() => undefined);
  }

  /** Fields below an optional object, which come and go. */
  #details(mark: string): { details?: Value } {
    const dice = this.#dice.random();
    if (dice < 0.6) return {};
    if (dice < 0.7) return { details: undefined as unknown as Value };
    const place = this.#dice.chance(0.5) ? { place: { city: mark } } : {};
    return { details: { notes: mark, ...place } };
  }
}
