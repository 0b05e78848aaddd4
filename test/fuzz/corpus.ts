import * as Y from "yjs";
import { loadPart, mintExactly } from "../../src/shared/plain-part.js";

/** Who attacks, who is attacked, and the state both know. */
export const EVE = 66;
export const EVES_NEXT = 67;
export const VICTIM = 7;

function write(base: Uint8Array[], clientId: number, fields: [string, unknown][]): Uint8Array {
  return mintExactly(loadPart(base), new Map(fields as never), clientId)!;
}

const created = write([], 5, [
  ["", {}],
  ["title", "t"],
  ["votes", {}],
  ["votes/a", 1],
]);

/** What the log has. */
export const LOG = [created, write([created], VICTIM, [["title", "by the victim"]])];

/** What the victim has made meanwhile, and nobody has heard of yet. */
export const VICTIMS_NEXT = write(LOG, VICTIM, [["title", "the victim's next"]]);

/** What any user may write at any time. */
export const SMALL = write([], EVES_NEXT, [["title", "small"]]);

/** An update that no honest client makes. */
function forged(change: (doc: Y.Doc) => void, clientId = EVE): Uint8Array {
  const doc = loadPart(LOG);
  doc.clientID = clientId;
  const before = Y.encodeStateVector(doc);
  Y.transact(doc, () => change(doc));
  return Y.encodeStateAsUpdate(doc, before);
}

const bytes = (...list: number[]) => Uint8Array.from(list);

/** Each is one idea of an attack, or of honest work; mutations start from here. */
export const CORPUS: Uint8Array[] = [
  write(LOG, EVE, [["title", "x"]]),
  write(LOG, EVE, [
    ["votes/b", 2],
    ["votes/a", undefined],
    ["data", [1n, null, { deep: [true, 1.5, "text"] }]],
  ]),
  write([], EVE, [
    ["", {}],
    ["title", "an insert"],
  ]),
  write(LOG, EVE, [["data", new Uint8Array([1, 2, 3]).buffer]]),
  ...LOG,
  // Under other names.
  write(LOG, VICTIM, [["title", "stolen"]]),
  write(LOG, 1, [["title", "the server's"]]),
  Y.mergeUpdates([VICTIMS_NEXT, write(LOG, EVE, [["title", "both"]])]),
  // Deletions, open or hidden.
  forged((doc) => doc.getMap("fields").delete("")),
  forged((doc) => {
    doc.getMap("fields").set("title", "x");
    doc.getMap("fields").delete("votes/a");
  }),
  // Types and places that plain fields do not have.
  forged((doc) => doc.getMap("fields").set("data", new Y.Map([["x", 1]]))),
  forged((doc) => doc.getMap("fields").set("data", new Y.Text("x"))),
  forged((doc) => doc.getMap("other").set("x", 1)),
  forged((doc) => doc.getArray("list").push([1, 2, 3])),
  forged((doc) => doc.getText("prose").insert(0, "x")),
  // Values that rows do not have.
  forged((doc) => doc.getMap("fields").set("title", 1)),
  forged((doc) => doc.getMap("fields").set("votes/__proto__", 1)),
  forged((doc) => doc.getMap("fields").set("data", [{ $x: 1, constructor: 2 }])),
  // One field in many versions, which every replica would compare with one another.
  Y.mergeUpdates([write(LOG, EVE, [["title", "x"]]), write(LOG, EVES_NEXT, [["title", "y"]])]),
  forged((doc) => ["x", "y", "z"].forEach((value) => doc.getMap("fields").set("title", value))),
  // Promises.
  bytes(1, 200, 200, 200, 10, EVE, 0, 0, 0, 0),
  bytes(200, 200, 200, 10, 1, EVE, 0, 0, 0),
  bytes(1, 1, EVE, 0, 0, 255, 255, 255, 255, 255, 255, 255, 15, 0),
  bytes(0, 200, 200, 200, 10, 1, 1, 0, 200, 200, 200, 10),
  Y.encodeStateAsUpdateV2(loadPart(LOG)),
  bytes(),
];
