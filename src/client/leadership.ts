import type { Environment } from "./environment.js";
import type { Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

/** How long the leader may be cut off before another tab gets the turn, in ms. */
const YIELD_AFTER_MS = 5_000;

/**
 * Decides whether this tab syncs for all tabs of the device (C9). Only a tab that reaches the server
 * can: one that stays cut off gives up its turn, and asks for it again once it is back.
 */
export class Leadership {
  readonly #queue: Tabs["lead"];
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #onLead: () => void;
  readonly #onStepDown: () => void;
  /** Gives up the turn, or the place in the queue for it; null when in neither. */
  #yield: (() => void) | null = null;
  #leads = false;
  /** Set while a cut lasts that may cost the turn. */
  #cancelYield: (() => void) | null = null;

  constructor(
    context: Pick<Tabs, "lead"> & { transport: Transport; environment: Environment },
    onLead: () => void,
    onStepDown: () => void,
  ) {
    this.#queue = context.lead;
    this.#transport = context.transport;
    this.#environment = context.environment;
    this.#onLead = onLead;
    this.#onStepDown = onStepDown;
  }

  get leads(): boolean {
    return this.#leads;
  }

  /** Call at the start, and whenever the connection may have changed. */
  update() {
    if (this.#transport.isConnected()) {
      this.#stay();
      this.#yield ??= this.#queue(() => this.#lead());
    } else if (this.#yield) {
      // Counted from the cut: attempts to connect that fail do not prolong it.
      this.#cancelYield ??= this.#environment.after(YIELD_AFTER_MS, () => this.stepDown());
    }
  }

  stepDown() {
    this.#stay();
    this.#yield?.();
    this.#yield = null;
    if (!this.#leads) return;
    this.#leads = false;
    this.#onStepDown();
  }

  #stay() {
    this.#cancelYield?.();
    this.#cancelYield = null;
  }

  #lead() {
    if (this.#yield === null) return; // given up while the turn was on its way
    this.#leads = true;
    this.#onLead();
  }
}
