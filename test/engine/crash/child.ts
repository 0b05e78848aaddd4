import { createEngine } from "../../../dev/backend/engine/engine.js";
import { startBackend } from "../../../dev/backend/index.js";
import { ledgerApp } from "../ledger.js";

/** Small, so that a kill often meets a log that is being replaced by a snapshot. */
const MAX_LOG_BYTES = 32 * 1024;

/** Serves the ledger from the folder that is its argument, and prints where. */
const dataFolder = process.argv[2]!;
const engine = await createEngine(ledgerApp, { maxLogBytes: MAX_LOG_BYTES });
const backend = await startBackend({ app: engine, dataFolder });
console.log(backend.url);
