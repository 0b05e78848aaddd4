/** Version of what client and server say to each other. A mismatch blocks syncing, and loses nothing. */
export const PROTOCOL_VERSION = 3;
