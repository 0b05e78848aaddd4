import type { Environment } from "../platform/environment.js";
import type { Page } from "../platform/page.js";
import type { Tabs } from "./tabs.js";
import type { Transport } from "../platform/transport.js";

/** How long the leader may be cut off before another tab gets the turn, in ms. */
const YIELD_AFTER_MS = 5_000;

/** How long a tab that cannot sync stays out of the queue, in ms. */
const GIVE_WAY_MS = 60_000;

/** How often a visible tab that waits asks for a sign of life of the leader, in ms. */
const ASK_EVERY_MS = 5_000;

/** So many asks without an answer, and the leader is taken for frozen. */
const UNANSWERED_ASKS = 3;

/** So many answers of a leader that nobody sees, and a tab that somebody sees takes over. */
const HIDDEN_ANSWERS = 2;

export type LeadershipContext = Pick<Tabs, "lead"> & {
  transport: Pick<Transport, "isConnected">;
  page: Pick<Page, "isVisible">;
  environment: Environment;
  /** Asks the leading tab for a sign of life; call `heard` when it comes. */
  ask(): void;
  onLead(): void;
  onStepDown(): void;
};

/**
 * Decides whether this tab syncs for all tabs of the device (C9). Only a tab that reaches the server
 * can: one that stays cut off gives up its turn, and asks for it again once it is back. Browsers slow
 * hidden tabs down and freeze some of them, so one that is seen takes over.
 *
 * Two tabs may believe that they lead, for the moment until a frozen one learns that its turn was
 * taken. That is safe: what they send is the same stored bytes, and what they store are the same
 * facts (C4).
 */
export class Leadership {
  readonly #context: LeadershipContext;
  /** Gives up the turn, or the place in the queue for it; null when in neither. */
  #yield: (() => void) | null = null;
  #leads = false;
  /** Out of everything for the time being. */
  #isPaused = false;
  /** Each is set while its timer runs. */
  #cancelYield: (() => void) | null = null;
  #cancelReturn: (() => void) | null = null;
  #cancelAsk: (() => void) | null = null;
  #unanswered = 0;
  #hiddenAnswers = 0;

  constructor(context: LeadershipContext) {
    this.#context = context;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get leads(): boolean {
    return this.#leads;
  }

  /** Call at the start, and whenever the connection or the visibility may have changed. */
  update() {
    const { transport, environment } = this.#context;
    if (this.#isPaused) return;
    if (transport.isConnected()) {
      this.#stay();
      if (!this.#cancelReturn) this.#yield ??= this.#join("queue");
    } else if (this.#yield) {
      // Counted from the cut: attempts to connect that fail do not prolong it.
      this.#cancelYield ??= environment.after(YIELD_AFTER_MS, () => this.#leave());
    }
    this.#watch();
  }

  /** The tab that leads gave a sign of life. */
  heard(visible: boolean) {
    this.#unanswered = 0;
    this.#hiddenAnswers = visible ? 0 : this.#hiddenAnswers + 1;
  }

  /** This tab cannot sync as it is: another one, of another version perhaps, gets the turn. */
  giveWay() {
    this.#leave();
    this.#cancelReturn ??= this.#context.environment.after(GIVE_WAY_MS, () => this.comeBack());
  }

  /** The same until `comeBack`. */
  standBack() {
    this.#leave();
    this.#cancelReturn ??= () => undefined;
  }

  comeBack() {
    this.#cancelReturn?.();
    this.#cancelReturn = null;
    this.update();
  }

  /** Out of everything, until `resume` and the `update` after it. */
  pause() {
    this.#isPaused = true;
    this.#cancelReturn?.();
    this.#cancelReturn = null;
    this.#leave();
  }

  resume() {
    this.#isPaused = false;
  }

  #leave() {
    this.#stay();
    this.#yield?.();
    this.#yield = null;
    this.#watch();
    this.#stepDown();
  }

  #stay() {
    this.#cancelYield?.();
    this.#cancelYield = null;
  }

  #join(how: "queue" | "steal"): () => void {
    // Either may come late, when the turn was given up while it was on its way.
    const ifCurrent = (act: () => void) => () => void (this.#yield === own && act());
    const leave = this.#context.lead(
      ifCurrent(() => this.#lead()),
      ifCurrent(() => this.#lost()),
      how,
    );
    const own = () => leave();
    return own;
  }

  #lead() {
    this.#leads = true;
    this.#watch();
    this.#context.onLead();
  }

  #lost() {
    this.#yield = null;
    this.#stepDown();
    this.update();
  }

  #stepDown() {
    if (!this.#leads) return;
    this.#leads = false;
    this.#context.onStepDown();
  }

  /** Looks after the leader for as long as this tab waits and somebody sees it. */
  #watch() {
    const { page, transport, environment } = this.#context;
    const waits = this.#yield !== null && !this.#leads;
    if (!waits || !page.isVisible() || !transport.isConnected()) {
      this.#cancelAsk?.();
      this.#cancelAsk = null;
      this.#unanswered = this.#hiddenAnswers = 0;
      return;
    }
    // Spread, so that two windows side by side do not take over at the same moment.
    const ms = ASK_EVERY_MS * (0.75 + environment.random() / 2);
    this.#cancelAsk ??= environment.after(ms, () => {
      this.#cancelAsk = null;
      this.#ask();
    });
  }

  #ask() {
    if (this.#unanswered >= UNANSWERED_ASKS || this.#hiddenAnswers >= HIDDEN_ANSWERS) {
      this.#unanswered = this.#hiddenAnswers = 0;
      this.#yield?.();
      this.#yield = this.#join("steal");
    } else {
      this.#unanswered += 1;
      this.#context.ask();
    }
    this.#watch();
  }
}
