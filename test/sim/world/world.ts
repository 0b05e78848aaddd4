import type { Dice } from "./dice.js";
import type { SimServer } from "./server.js";
import type { VirtualTime } from "./time.js";

/** What goes wrong by itself, as probabilities. */
export type FaultRates = {
  /** A request does not reach the server. */
  lostRequest: number;
  /** An answer does not reach the client. */
  lostAnswer: number;
  /** A push is executed once more, some time later. */
  duplicate: number;
  /** A call throws on the server, which says no more than that. */
  serverError: number;
  /** A storage transaction fails. */
  storageFailure: number;
  /** A message between tabs takes long, and those after it wait for it. */
  slowMessage: number;
};

export const NO_FAULTS: FaultRates = {
  lostRequest: 0,
  lostAnswer: 0,
  duplicate: 0,
  serverError: 0,
  storageFailure: 0,
  slowMessage: 0,
};

/** One run's surroundings. */
export type World = {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly server: SimServer;
  readonly faults: FaultRates;
  /** When the last of the duplicates arrives that are on their way. */
  lastDuplicate: number;
};
