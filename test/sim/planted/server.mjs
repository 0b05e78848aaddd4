// @ts-check
/** Bugs in the server functions and the component. @type {readonly import("./table.mjs").PlantedBug[]} */
export const SERVER_BUGS = [
  {
    name: "edit-recreates-removed",
    rule: "S4",
    about: "an edit of a generation that is over goes into the next one",
    often: ["remove", "network", "lostRequest"],
    patches: [
      {
        file: "src/server/merge.ts",
        find: "if (change.generation <= lastEnded) return removed;",
        replace: "if (!live && change.generation <= lastEnded) return removed;",
      },
    ],
  },
  {
    name: "resent-insert-resurrects",
    rule: "S4",
    about: "an accepted insert that is sent again brings back what was removed meanwhile",
    patches: [
      {
        file: "src/server/merge.ts",
        find: "return since.some((end) => isContained(writes, end.stateVector)) ? removed : null;",
        replace: "return since.length > 99 ? removed : null;",
      },
    ],
  },
  {
    name: "new-insert-taken-for-old",
    rule: "S4",
    about: "an insert by someone who never knew of the removed document is answered with “removed”",
    patches: [
      {
        file: "src/server/merge.ts",
        find: "return since.some((end) => isContained(writes, end.stateVector)) ? removed : null;",
        replace: "return since.length > 0 ? removed : null;",
      },
    ],
  },
  {
    name: "late-removal-ends-next-generation",
    rule: "S4",
    about: "a removal that comes again ends the generation that was begun since",
    patches: [
      {
        file: "src/server/merge.ts",
        find: "if (!live || row === null || generation < current.generation) {",
        replace: "if (!live || row === null) {",
      },
    ],
  },
  {
    name: "not-idempotent",
    rule: "S4",
    about: "what adds nothing is appended and shown to hooks once more",
    patches: [
      {
        file: "src/server/apply-writes.ts",
        find: "if (applied === null) return null;",
        replace: "if (applied === null) return update;",
      },
    ],
  },
  {
    name: "higher-id-wins",
    rule: "D5",
    about: "of two concurrent writes the higher client id wins, as Yjs has it",
    patches: [
      {
        file: "src/server/apply-writes.ts",
        find: "const correction = lost.size > 0 ?",
        replace: "const correction = lost.size > 99 ?",
      },
    ],
  },
  {
    name: "correction-not-logged",
    rule: "D5, S2",
    about: "the server corrects who wins in the table, and does not tell the log",
    patches: [
      {
        file: "src/server/apply-writes.ts",
        find: "return correction ? Y.mergeUpdates([applied, correction]) : applied;",
        replace: "return applied;",
      },
    ],
  },
  {
    name: "direct-edit-ignored",
    rule: "S2",
    about: "a row that someone changed directly does not reach the log",
    patches: [
      {
        file: "src/server/reconcile.ts",
        find: "const bytes = edits.size > 0 ?",
        replace: "const bytes = edits.size > 0 && !live ?",
      },
    ],
  },
  {
    name: "direct-removal-ignored",
    rule: "S2",
    about: "a row that someone deleted directly comes back with the next edit",
    patches: [
      {
        file: "src/server/reconcile.ts",
        find: "return live ? endedDirectly(logged) : logged;",
        replace: "return live && ended.length > 9 ? endedDirectly(logged) : logged;",
      },
    ],
  },
  {
    name: "tie-cut-short",
    rule: "S1",
    about: "a page that ends among entries of one commit goes on after all of them",
    patches: [
      {
        file: "src/component/page.ts",
        find: "inTie: { document, part, chunk }",
        replace: "inTie: chunk < 0 ? { document, part, chunk } : null",
      },
    ],
  },
  {
    name: "tie-without-other-documents",
    rule: "S1",
    about: "a page that starts among entries of one commit skips the documents after its own",
    patches: [
      {
        file: "src/component/page.ts",
        find: '.eq("ts", ts).gt("document", document)',
        replace: '.eq("ts", ts).gt("document", "zzz")',
      },
    ],
  },
  {
    name: "snapshot-at-oldest-position",
    rule: "S5",
    about: "a snapshot takes the place of the oldest entry in it",
    patches: [
      {
        file: "src/component/compaction.ts",
        find: "replaced.at(-1)!.rows.at(-1)!;",
        replace: "replaced[0]!.rows.at(-1)!;",
      },
    ],
  },
  {
    name: "removal-leaves-no-state",
    rule: "S4",
    about: "a tombstone does not say in which state its generation ended",
    patches: [
      {
        file: "src/server/merge.ts",
        find: "bytes: Y.encodeStateVector(doc),",
        replace: "bytes: new Uint8Array([0]),",
      },
    ],
  },
  {
    name: "refusal-hits-whole-push",
    rule: "S4",
    about: "a hook that refuses one document refuses all of its push",
    patches: [
      {
        file: "src/server/push.ts",
        find: 'if (refused) one.outcome = { kind: "rejected", ...refused };',
        replace:
          'if (refused) for (const other of decided) other.outcome = { kind: "rejected", ...refused };',
      },
    ],
  },
];
