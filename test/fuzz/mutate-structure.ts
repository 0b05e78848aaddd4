import type { Content, Id, Section, Struct, Structure } from "./structure.js";

type Random = () => number;

/** What structures are made of: who speaks, and what there is to refer to. */
export type Material = {
  self: number;
  clients: readonly number[];
  /** Writes that the log has, and some that nobody has. */
  ids: readonly Id[];
  /** What the log has heard from a client. */
  clockOf(client: number): number;
};

/** Paths of the fields, and of what is none; those of the fields more often. */
const PATHS = [
  ...["", "title", "data", "votes", "votes/a", "votes/b", "votes/c"],
  ...["", "title", "data", "votes", "votes/a", "votes/~1", "votes/d"],
  ...["other", "title/x", "votes/__proto__", "votes/$x", "votes/a/b", "votes/~", "id", "/"],
];
const PARENTS = ["fields", "fields", "fields", "other", "", "field"];
const TEXTS = ["", "x", "t", "é", "\u{1F600}", "\ud800", "x".repeat(300)];
const KEYS = ["a", "b", "constructor", "__proto__", "$x", "_id", "é", "", "toString"];

const MOST_EDITS = 3;
const MOST_STRUCTS = 12;
const MOST_NESTING = 20;

/** A hostile neighbour of `start`; `other` may lend a write. */
export function mutateStructure(
  start: Structure,
  other: Structure,
  material: Material,
  random: Random,
): Structure {
  const result = structuredClone(start);
  const { below, pick } = choices(random);
  const edits = 1 + below(MOST_EDITS);
  for (let n = 0; n < edits; n++) {
    // Edits of values pass the guard most often, and so are where hooks, merging and rows are met.
    const section = result.sections.length > 0 ? pick(result.sections) : null;
    const struct = section && section.structs.length > 0 ? pick(section.structs) : null;
    const kind = below(20);
    if (struct && kind < 8) struct.content = valueContent(random);
    else if (struct && kind < 12) editPlace(struct, material, random);
    else if (section && kind < 16) editSection(section, other, material, random);
    else if (struct && kind < 17) struct.content = strangeContent(random);
    else if (kind < 18) editSections(result, other, material, random);
    else editDeletions(result, material, random);
  }
  return result;
}

function choices(random: Random) {
  const below = (count: number) => Math.floor(random() * count);
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)]! };
}

/** Where a write goes: to a field by name, after a write that is there or not, or elsewhere. */
function editPlace(struct: Struct, { ids }: Material, random: Random) {
  const { below, pick } = choices(random);
  const kind = below(20);
  if (kind < 11) {
    struct.left = struct.right = null;
    struct.parent = "fields";
    struct.key = pick(PATHS);
  } else if (kind < 17) {
    struct.left = pick(ids);
    struct.right = null;
  } else if (kind < 18) struct.right = pick(ids);
  else if (kind < 19) struct.parent = random() < 0.5 ? pick(PARENTS) : pick(ids);
  else struct.key = random() < 0.3 ? null : pick(PATHS);
}

/** Who speaks, from which clock on, and how many writes. */
function editSection(section: Section, other: Structure, material: Material, random: Random) {
  const { below, pick } = choices(random);
  const { structs } = section;
  const lent = other.sections.flatMap((one) => one.structs);
  switch (below(8)) {
    case 0:
      section.client = pick(material.clients);
      break;
    case 1:
      section.clock = Math.max(0, section.clock + below(5) - 2);
      break;
    case 2:
      section.clock = pick([0, 1, 2 ** 31, 2 ** 32, 2 ** 53 - 3]);
      break;
    case 3:
      structs.splice(below(structs.length), 1);
      break;
    case 4:
      if (structs.length > 1) structs.reverse();
      break;
    case 5:
      if (lent.length > 0 && structs.length < MOST_STRUCTS)
        structs.push(structuredClone(pick(lent)));
      break;
    default:
      section.client = material.self;
      section.clock = material.clockOf(material.self);
      if (structs.length < MOST_STRUCTS) structs.push(newWrite(random));
  }
}

function newWrite(random: Random): Struct {
  const { pick } = choices(random);
  return {
    left: null,
    right: null,
    parent: "fields",
    key: pick(PATHS),
    content: valueContent(random),
  };
}

function editSections(result: Structure, other: Structure, { clients }: Material, random: Random) {
  const { below, pick } = choices(random);
  const { sections } = result;
  if (random() < 0.3) sections.splice(below(sections.length + 1), 1);
  else if (other.sections.length > 0) {
    const client = random() < 0.5 ? pick(clients) : pick(other.sections).client;
    sections.push({ ...structuredClone(pick(other.sections)), client });
  }
}

function editDeletions({ deletions }: Structure, { clients }: Material, random: Random) {
  const { below, pick } = choices(random);
  if (random() < 0.2) deletions.length = 0;
  else {
    const ranges = Array.from({ length: 1 + below(3) }, () => ({
      clock: below(10),
      length: pick([0, 1, 5, 2 ** 31, 2 ** 50]),
    }));
    deletions.push({ client: pick(clients), ranges });
  }
}

/** What plain fields may hold, whether or not this one does. */
function valueContent(random: Random): Content {
  const { below } = choices(random);
  if (random() < 0.1) {
    return { kind: "binary", bytes: Uint8Array.from({ length: below(40) }, () => below(256)) };
  }
  return { kind: "any", values: [anyValue(random, 0)] };
}

function anyValue(random: Random, depth: number): unknown {
  const { below, pick } = choices(random);
  const few = depth > MOST_NESTING ? 0 : below(4);
  switch (below(depth === 0 ? 14 : 10)) {
    case 0:
      return Array.from({ length: few }, () => anyValue(random, depth + 1));
    case 1: {
      const entries = Array.from({ length: few }, () => [pick(KEYS), anyValue(random, depth + 1)]);
      return Object.fromEntries(entries) as object;
    }
    case 2:
      return pick([0, -0, 1, -1, NaN, Infinity, 1.5, 2 ** 53, -(2 ** 31), 1e300]);
    case 3:
      return pick([0n, 2n ** 62n, -(2n ** 63n)]);
    case 4:
      return pick([null, undefined, true, false]);
    case 5:
      return new Uint8Array(below(4));
    case 6:
      return depth > 0 || random() < 0.9 ? pick(TEXTS) : nested(below(40));
    case 7:
      return {};
    default:
      return random() < 0.5 ? pick(TEXTS) : below(100);
  }
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let n = 0; n < levels; n++) value = [value];
  return value;
}

/** What plain fields never hold. */
function strangeContent(random: Random): Content {
  const { below, pick } = choices(random);
  const length = pick([0, 1, 2, 2 ** 31, 2 ** 50]);
  const kinds: Content[] = [
    { kind: "any", values: [] },
    { kind: "any", values: [1, 2] },
    { kind: "json", values: [1, { a: 1 }] },
    { kind: "string", text: pick(TEXTS) },
    { kind: "embed", value: { a: 1 } },
    { kind: "format", key: "bold", value: true },
    { kind: "type", ref: below(8) },
    { kind: "doc", guid: "sub" },
    { kind: "deleted", length },
    { kind: "gc", length },
    { kind: "skip", length },
  ];
  return pick(kinds);
}
