import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "../dev/backend/engine/engine.js";
import { ledgerApp } from "../test/engine/ledger.js";
import { fill } from "./documents.js";
import { ms, time, type Figure } from "./measure.js";

const DOCUMENTS = 100_000;
const MIB = 1024 * 1024;

/** How long a backend takes to start on what an earlier one left. */
export async function restart(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const dataFolder = join(folder, "data");
  try {
    const first = await createEngine(ledgerApp);
    await first.open(dataFolder);
    const filling = await time(() => fill(first, 0, DOCUMENTS));
    await first.close();
    const bytes = readdirSync(dataFolder)
      .map((name) => statSync(join(dataFolder, name)).size)
      .reduce((sum, size) => sum + size, 0);

    const second = await createEngine(ledgerApp);
    const starting = await time(() => second.open(dataFolder));
    const found = second.count("", "rows");
    await second.close();
    if (found !== DOCUMENTS) throw new Error(`${found} of ${DOCUMENTS} documents are there.`);
    return [
      {
        what: `inserting ${DOCUMENTS} documents, 500 a mutation, synced to disk`,
        result: ms(filling),
      },
      {
        what: `starting with ${DOCUMENTS} documents on disk`,
        result: `${ms(starting)} (${(bytes / MIB).toFixed(0)} MiB)`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
