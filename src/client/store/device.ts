import { SERVER_CLIENT_ID } from "../../shared/plain-part.js";
import { MAX_PAGE_IDS } from "../../shared/limits.js";
import type { Sender } from "../../shared/wire.js";
import { readPin } from "./identity.js";
import { intact, seal } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";
import { META } from "../storage/meta-keys.js";

/** This device as the server knows it; in `meta`, made once per local store. */
type StoredDevice = {
  /** The Yjs client id of plain fields. */
  clientId: number;
  /** What shows that the client id is ours (S3). */
  secret: string;
  /** The pages that have sent from this store, newest first (C6). */
  pageIds: string[];
};

/** Hexadecimal digits of the secret, which are 128 bits, and of a page's mark. */
const SECRET_DIGITS = 32;
const PAGE_ID_DIGITS = 16;

/** The part of this device in the life of one page. */
export class Device {
  readonly #random: () => number;
  /** The mark of this page. */
  readonly #pageId: string;

  /** @param random Numbers from 0 to 1. */
  constructor(random: () => number) {
    this.#random = random;
    this.#pageId = this.#digits(PAGE_ID_DIGITS);
  }

  /**
   * The device's client id, and what goes with a push to show that it is ours. From now on this page
   * is among those that have sent from this store.
   */
  async enter(tx: StorageTransaction): Promise<{ clientId: number; sender: Sender }> {
    const stored = await readDevice(tx);
    const device = stored?.pageIds.includes(this.#pageId) ? stored : this.#entered(stored);
    if (device !== stored) await tx.put("meta", META.device, seal(device));
    const { clientId, secret, pageIds } = device;
    return { clientId, sender: { secret, pageIds, identity: await readPin(tx) } };
  }

  /** Whether a push of this sender would be sent the same way again. */
  async isCurrent(tx: StorageTransaction, { secret, pageIds }: Sender): Promise<boolean> {
    const stored = await readDevice(tx);
    return stored?.secret === secret && stored.pageIds[0] === pageIds[0];
  }

  /**
   * Becomes another device, because the server knows someone else under its client id: most likely a
   * copy of this store, which from now on is left alone (C6).
   */
  renew(tx: StorageTransaction): Promise<void> {
    return tx.put("meta", META.device, seal(this.#entered(undefined)));
  }

  /** Uses a new client id from now on; the old one stays its own, since bytes may be on their way (C6). */
  async changeClientId(tx: StorageTransaction): Promise<void> {
    const stored = await readDevice(tx);
    if (stored) {
      const device = { ...stored, clientId: this.newClientId() };
      await tx.put("meta", META.device, seal(device));
    }
  }

  /** 53 random bits, so that two devices never meet (C6). */
  newClientId(): number {
    const id = Math.floor(this.#random() * Number.MAX_SAFE_INTEGER);
    return id > SERVER_CLIENT_ID ? id : SERVER_CLIENT_ID + 1;
  }

  #entered(stored: StoredDevice | undefined): StoredDevice {
    const { clientId, secret, pageIds } = stored ?? {
      clientId: this.newClientId(),
      secret: this.#digits(SECRET_DIGITS),
      pageIds: [],
    };
    return { clientId, secret, pageIds: [this.#pageId, ...pageIds].slice(0, MAX_PAGE_IDS) };
  }

  #digits(count: number): string {
    let digits = "";
    while (digits.length < count) {
      digits += Math.floor(this.#random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    }
    return digits;
  }
}

async function readDevice(tx: StorageTransaction): Promise<StoredDevice | undefined> {
  const stored = intact<StoredDevice>(await tx.get("meta", META.device)); // what is damaged is replaced
  const { clientId, secret, pageIds } = (stored ?? {}) as Partial<StoredDevice>;
  const isWhole =
    Number.isSafeInteger(clientId) &&
    clientId! > SERVER_CLIENT_ID &&
    isDigits(secret, SECRET_DIGITS) &&
    Array.isArray(pageIds) &&
    pageIds.every((pageId) => isDigits(pageId, PAGE_ID_DIGITS));
  return isWhole ? stored : undefined;
}

function isDigits(text: unknown, count: number): boolean {
  return typeof text === "string" && text.length === count && /^[0-9a-f]+$/.test(text);
}
