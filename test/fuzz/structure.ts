import * as Y from "yjs";

/** An update as what it says, valid or not: every structure of these types has an encoding in V1. */
export type Structure = {
  sections: Section[];
  deletions: { client: number; ranges: { clock: number; length: number }[] }[];
};

/** What one client says: its structs follow one another from a clock on. */
export type Section = { client: number; clock: number; structs: Struct[] };

export type Id = { client: number; clock: number };

export type Struct = {
  left: Id | null;
  right: Id | null;
  /** A root type by its name, or a type by the id of what holds it; only encoded without neighbours. */
  parent: string | Id;
  key: string | null;
  content: Content;
};

export type Content =
  | { kind: "any"; values: unknown[] }
  | { kind: "binary"; bytes: Uint8Array }
  | { kind: "json"; values: unknown[] }
  | { kind: "string"; text: string }
  | { kind: "embed"; value: unknown }
  | { kind: "format"; key: string; value: unknown }
  | { kind: "type"; ref: number }
  | { kind: "doc"; guid: string }
  /** Content that was deleted, structs that were collected, and a gap. */
  | { kind: "deleted" | "gc" | "skip"; length: number };

/** Numbers of contents and flags in a struct's first byte. Source: yjs, `src/structs/Item.js`. */
const REFS = {
  gc: 0,
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  doc: 9,
  skip: 10,
};
const [HAS_LEFT, HAS_RIGHT, HAS_KEY] = [0b1000_0000, 0b0100_0000, 0b0010_0000];

/** Types that carry a name of their own. */
const [XML_ELEMENT, XML_HOOK] = [3, 5];

/** What a valid update to plain fields says. */
export function decodeStructure(update: Uint8Array): Structure {
  const { structs, ds } = Y.decodeUpdate(update);
  const sections: Section[] = [];
  for (const struct of structs) {
    if (!(struct instanceof Y.Item)) throw new Error("The corpus decodes to items alone.");
    const { client, clock } = struct.id;
    const last = sections.at(-1);
    if (last?.client === client) last.structs.push(structOf(struct));
    else sections.push({ client, clock, structs: [structOf(struct)] });
  }
  const deletions = [...ds.clients].map(([client, items]) => ({
    client,
    ranges: items.map(({ clock, len }) => ({ clock, length: len })),
  }));
  return { sections, deletions };
}

function structOf({ origin, rightOrigin, parent, parentSub, content }: Y.Item): Struct {
  return {
    left: origin && { ...origin },
    right: rightOrigin && { ...rightOrigin },
    parent: typeof parent === "string" ? parent : "fields",
    key: parentSub,
    content: contentOf(content),
  };
}

function contentOf(content: Y.Item["content"]): Content {
  if (content instanceof Y.ContentBinary) return { kind: "binary", bytes: content.content };
  if (content instanceof Y.ContentDeleted) return { kind: "deleted", length: content.len };
  if (content instanceof Y.ContentString) return { kind: "string", text: content.str };
  if (content instanceof Y.ContentType) return { kind: "type", ref: 1 };
  return { kind: "any", values: content.getContent() };
}

/** The bytes, in V1 encoding, that say so. */
export function encodeStructure({ sections, deletions }: Structure): Uint8Array {
  const encoder = new Y.UpdateEncoderV1();
  const uint = (value: number) => encoder.writeLen(value);
  uint(sections.length);
  for (const { client, clock, structs } of sections) {
    for (const value of [structs.length, client, clock]) uint(value);
    for (const struct of structs) writeStruct(encoder, struct);
  }
  uint(deletions.length);
  for (const { client, ranges } of deletions) {
    for (const value of [client, ranges.length]) uint(value);
    for (const { clock, length } of ranges) for (const value of [clock, length]) uint(value);
  }
  return encoder.toUint8Array();
}

function writeStruct(encoder: Y.UpdateEncoderV1, { left, right, parent, key, content }: Struct) {
  if (content.kind === "gc" || content.kind === "skip") {
    encoder.writeInfo(REFS[content.kind]);
    return encoder.writeLen(content.length);
  }
  const flags = (left ? HAS_LEFT : 0) | (right ? HAS_RIGHT : 0) | (key === null ? 0 : HAS_KEY);
  encoder.writeInfo(REFS[content.kind] | flags);
  if (left) encoder.writeLeftID(Y.createID(left.client, left.clock));
  if (right) encoder.writeRightID(Y.createID(right.client, right.clock));
  if (!left && !right) {
    encoder.writeParentInfo(typeof parent === "string");
    if (typeof parent === "string") encoder.writeString(parent);
    else encoder.writeLeftID(Y.createID(parent.client, parent.clock));
    if (key !== null) encoder.writeString(key);
  }
  writeContent(encoder, content);
}

function writeContent(
  encoder: Y.UpdateEncoderV1,
  content: Exclude<Content, { kind: "gc" | "skip" }>,
) {
  switch (content.kind) {
    case "any":
      encoder.writeLen(content.values.length);
      return content.values.forEach((value) => encoder.writeAny(value));
    case "json":
      encoder.writeLen(content.values.length);
      return content.values.forEach((value) => encoder.writeString(JSON.stringify(value) ?? ""));
    case "binary":
      return encoder.writeBuf(content.bytes);
    case "string":
      return encoder.writeString(content.text);
    case "embed":
      return encoder.writeJSON(content.value);
    case "format":
      encoder.writeKey(content.key);
      return encoder.writeJSON(content.value);
    case "type":
      encoder.writeTypeRef(content.ref);
      return content.ref === XML_ELEMENT || content.ref === XML_HOOK
        ? encoder.writeKey("p")
        : undefined;
    case "doc":
      encoder.writeString(content.guid);
      return encoder.writeAny({});
    default:
      return encoder.writeLen(content.length);
  }
}
