// @ts-check
/** Bugs in the client. @type {readonly import("./table.mjs").PlantedBug[]} */
export const CLIENT_BUGS = [
  {
    name: "no-new-client-id-after-refusal",
    rule: "C4, C6",
    about: "the next update of a document reuses the clocks of refused bytes",
    often: ["moods", "duplicate", "editMany"],
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: 'return { changed: refuseRecords(all, group, { code, message }), clientId: "fresh" };',
        replace:
          'return { changed: refuseRecords(all, group, { code, message }), clientId: "keep" };',
      },
    ],
  },
  {
    name: "dead-edit-dropped",
    rule: "C5",
    about: "an edit of a document that someone removed goes without a word",
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: 'const done = change.op === "update" ? [] : group;\n      const changed =\n        change.op === "update"',
        replace: "const done = group;\n      const changed =\n        group.length === 0",
      },
    ],
  },
  {
    name: "removed-insert-waits",
    rule: "C5",
    about: "an insert that is answered with “removed” stays in the outbox",
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: 'const done = change.op === "update" ? [] : group;',
        replace: "const done: NumberedRecord[] = [];",
      },
    ],
  },
  {
    name: "refused-batch-not-split",
    rule: "C4",
    about: "a refused change takes along those it was sent with",
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: "if (group.length > 1) return group.map((one) => unmint(one, true));",
        replace: "if (group.length > 1) return group.map((one) => reject(one, rejection));",
      },
    ],
  },
  {
    name: "split-batch-sent-together",
    rule: "C4",
    about: "what was refused together is sent together again, for ever",
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: "group.map((one) => unmint(one, true))",
        replace: "group.map((one) => unmint(one, false))",
      },
    ],
  },
  {
    name: "generation-of-answer-ignored",
    rule: "S4",
    about:
      "edits made while an insert was under way stay in the generation that the insert asked for",
    often: ["remove", "network", "lostAnswer", "edit"],
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: 'if (change.op !== "insert" || generation === insertedAs) return',
        replace: "if (generation > 0) return",
      },
    ],
  },
  {
    name: "accepted-bytes-forgotten",
    rule: "C4",
    about: "an accepted answer deletes the records and leaves the base as it was",
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: "advanced: advance(base, entries, tree),\n    done: group,",
        replace:
          "advanced: entries.length > 9 ? advance(base, entries, tree) : null,\n    done: group,",
      },
    ],
  },
  {
    name: "answer-in-two-transactions",
    rule: "C4",
    about:
      "the records of an accepted answer go in one transaction, its bytes reach the base in the next",
    patches: [
      {
        file: "src/client/store/replica-store.ts",
        find: '    return this.#storage.transaction("durable", STORES, (tx) =>\n      settleAnswers({ tx, device: this.#device, tree: this.#fields.tree }, answers, lastSegment),\n    );',
        replace:
          '    const before = new Map<number, unknown>();\n    return this.#storage\n      .transaction("durable", ["outbox"], async (tx) => {\n        for (const { outgoing, result } of answers) {\n          if (result.status !== "accepted") continue;\n          for (const seq of outgoing.seqs) {\n            before.set(seq, await tx.get("outbox", seq));\n            await tx.delete("outbox", seq);\n          }\n        }\n      })\n      .then(() => this.#storage.transaction("durable", STORES, async (tx) => {\n      for (const [seq, value] of before) if (value) await tx.put("outbox", seq, value);\n      return settleAnswers({ tx, device: this.#device, tree: this.#fields.tree }, answers, lastSegment);\n    }));',
      },
    ],
  },
  {
    name: "minted-bytes-not-stored",
    rule: "C4",
    about: "a change that was not answered is made into bytes again, and not sent again as it was",
    patches: [
      {
        file: "src/client/store/outgoing.ts",
        find: "if (minted.fresh) await",
        replace: "if (minted.fresh && minted.group.length > 999) await",
      },
    ],
  },
  {
    name: "insert-under-known-id",
    rule: "C6",
    about: "an insert starts its clocks at 0 under an id that the server may know",
    patches: [
      {
        file: "src/client/store/outgoing.ts",
        find: "const isKnown = base?.live && records",
        replace: "const isKnown = base?.live && records.length > 999 && records",
      },
    ],
  },
  {
    name: "insert-builds-on-base",
    rule: "C4",
    about: "an insert builds on the generation of the document that is known here and may be over",
    often: ["serverError", "lostRequest", "remove", "edit", "network"],
    patches: [
      // Otherwise the insert is made anew, on nothing, when the server lacks what it builds on.
      {
        file: "src/client/store/settle.ts",
        find: 'if (code === "MISSING_DEPENDENCIES") {',
        replace: 'if (code === "MISSING_DEPENDENCIES" && group[0].record.kind !== "insert") {',
      },
      {
        file: "src/client/store/mint.ts",
        find: "loadPart(inserts || !base ? [] : base.updates)",
        replace: "loadPart((inserts && !base?.live) || !base ? [] : base.updates)",
      },
    ],
  },
  {
    name: "resent-bytes-stand-for-later-changes",
    rule: "C4",
    about: "the answer to bytes that are sent again also settles what was changed since",
    patches: [
      {
        file: "src/client/store/mint.ts",
        find: "const group = records.filter(({ record }) => record.group === sent.group);",
        replace: "const group = records;",
      },
    ],
  },
  {
    name: "insert-names-generation-to-come",
    rule: "S4",
    about:
      "a push names a later generation of the document than there is, and ends that when it comes again",
    often: ["remove", "network"],
    patches: [
      {
        file: "src/client/store/mint.ts",
        find: "return ended + 1;",
        replace: "return Math.max(ended + 1, generation);",
      },
    ],
  },
  {
    name: "late-news-of-old-generation",
    rule: "S4",
    about: "the base takes entries of a generation that has ended",
    often: ["freeze", "thaw", "openTab", "remove", "edit", "strike"],
    patches: [
      {
        file: "src/client/store/base.ts",
        find: "if (generation < base.generation || !base.live) return base;",
        replace:
          "if (generation < base.generation) return base;\n  if (!base.live) return { ...base, live: true, updates: [update] };",
      },
    ],
  },
  {
    name: "cursor-before-entries",
    rule: "C7",
    about: "the cursor is stored in one transaction, the entries before it in the next",
    patches: [
      {
        file: "src/client/local-data/local-data.ts",
        find: "const changes = await store.applyPage(entries, { ...point, round }, lastSegment, recovered);",
        replace:
          "await store.applyPage([], { ...point, round }, lastSegment, []);\n      const changes = await store.applyPage(entries, { ...point, round }, lastSegment, recovered);",
      },
    ],
  },
  {
    name: "silent-writer",
    rule: "C9",
    about: "a tab that has stored something does not tell the others",
    patches: [
      {
        file: "src/client/local-data/local-data.ts",
        find: "    this.#listener.stored();\n",
        replace: "",
      },
    ],
  },
  {
    name: "news-of-other-tabs-skipped",
    rule: "C9",
    about: "segments that another tab stored in between are taken for seen",
    often: ["freeze", "thaw", "openTab", "lostRequest", "edit", "slowMessage"],
    patches: [
      {
        file: "src/client/local-data/replica.ts",
        find: "return this.#applySegments([...missed, ...own]);",
        replace: "return this.#applySegments([...missed.slice(0, 0), ...own]);",
      },
    ],
  },
  {
    name: "oldest-news-skipped",
    rule: "C9",
    about: "of what another tab has stored meanwhile, the oldest segment is taken for seen",
    patches: [
      {
        file: "src/client/store/replica-store.ts",
        find: "readSegments(tx, after),",
        replace: "readSegments(tx, after === 0 ? 0 : after + 1),",
      },
    ],
  },
  {
    name: "reload-forgets-unsaved",
    rule: "C3",
    about: "what is not on disk yet is gone from memory when another tab has stored something",
    patches: [
      {
        file: "src/client/local-data/replica.ts",
        find: "const unsaved = this.records().filter(({ seq }) => seq === null);",
        replace:
          "const unsaved = this.records().filter(({ seq }) => seq === null && records.length < 0);\n    ",
      },
    ],
  },
  {
    name: "failed-save-dropped",
    rule: "C3",
    about: "changes that could not be stored are not stored again",
    patches: [
      {
        file: "src/client/local-data/saver.ts",
        find: "this.#unsaved = [...batch, ...this.#unsaved];",
        replace: "",
      },
    ],
  },
  {
    name: "failed-save-overtaken",
    rule: "C3, D5",
    about: "changes that could not be stored are stored after later ones",
    often: ["diskFull", "storageFailure", "editMany"],
    patches: [
      {
        file: "src/client/local-data/saver.ts",
        find: "this.#unsaved = [...batch, ...this.#unsaved];",
        replace: "this.#unsaved = [...this.#unsaved, ...batch].reverse();",
      },
    ],
  },
  {
    name: "unsent-lost-with-disk",
    rule: "C5",
    about: "when the browser deletes the disk under a page, what is unsent is given up",
    often: ["evict", "network"],
    patches: [
      {
        file: "src/client/engine.ts",
        find: "this.#openNext(lost.data.orphaned());",
        replace: "this.#openNext([]);",
      },
    ],
  },
  {
    name: "heir-does-not-look",
    rule: "C9",
    about: "a tab that takes over does not read what the one before it has stored",
    often: ["strike", "edit", "slowMessage", "crash"],
    patches: [
      // Otherwise it was told before it was stored, and reads it for that.
      {
        file: "src/client/local-data/local-data.ts",
        find: "this.#listener.stored(); // the page may end before the write is confirmed; other tabs read after it",
        replace: "",
      },
      {
        file: "src/client/sync/sync.ts",
        find: "  async #lead() {\n    await this.#data.reload();",
        replace: "  async #lead() {",
      },
    ],
  },
  {
    name: "no-retry-on-reconnect",
    rule: "C5",
    about: "a push that failed without a connection is not tried again when there is one",
    patches: [
      {
        file: "src/client/sync/sync.ts",
        find: "if (this.#transport.isConnected()) void this.#pusher.sendNow();",
        replace: "",
      },
    ],
  },
  {
    name: "rest-of-batch-forgotten",
    rule: "C5",
    about: "what a batch could not carry waits for the next change",
    patches: [
      {
        file: "src/client/sync/push.ts",
        find: "    this.#host.report(this.#noteAnswers(outgoing, results));\n    return more || this.#hasLeftovers(batch);",
        replace: "    this.#host.report(this.#noteAnswers(outgoing, results));\n    return more;",
      },
    ],
  },
  {
    name: "server-error-gives-up",
    rule: "C5",
    about: "a document is not tried again after an error of the server",
    patches: [
      {
        file: "src/client/sync/push.ts",
        find: "this.#retries.set(document, { failures, notBefore:",
        replace: "this.#retries.set(document, { failures, notBefore: Infinity +",
      },
    ],
  },
  {
    name: "tail-skips-by-count",
    rule: "C7, S5",
    about: "the tail skips as many entries as it had, whatever compaction did to them",
    patches: [
      {
        file: "src/client/sync/entries.ts",
        find: "return last && same && isSameEntry(last, same) ?",
        replace: "return last && same ?",
      },
    ],
  },
  {
    name: "older-news-goes-first",
    rule: "C4, C6",
    about: "a change that was heard of late is minted before what was sent meanwhile is answered",
    often: ["slowMessage", "lostAnswer", "openTab", "edit"],
    patches: [
      {
        file: "src/client/store/mint.ts",
        find: "const sent = records.find(",
        replace: "const sent = records.slice(0, 1).find(",
      },
    ],
  },
  {
    name: "ended-tail-speaks",
    rule: "C7, C11",
    about:
      "a page that waited for what it does not carry says how things are after its tail has ended",
    often: ["reconnect", "lostAnswer"],
    patches: [
      {
        file: "src/client/sync/tail.ts",
        find: "isCaughtUp, this.#over.signal);",
        replace: "isCaughtUp, new AbortController().signal);",
      },
    ],
  },
  {
    name: "late-answer-believed",
    rule: "C6",
    about: "the answer to bytes that were given up settles those that took their place",
    often: ["look", "wait", "moods", "editMany", "lostRequest"],
    patches: [
      {
        file: "src/client/store/settle.ts",
        find: "return sameBytes(sent, update);",
        replace: "return sent.length > 0 || sameBytes(sent, update);",
      },
    ],
  },
  {
    name: "copy-keeps-its-ids",
    rule: "C6",
    about: "a copied disk goes on under the client id of the original",
    with: ["rollBack", "clone"],
    patches: [
      {
        file: "src/client/store/answers.ts",
        find: "if (effects.some(({ isCopied }) => isCopied)) await device.renew(tx);",
        replace: "",
      },
    ],
  },
  {
    name: "leader-never-stolen-from",
    rule: "C9",
    about: "a tab that stands still keeps the others from syncing",
    patches: [
      {
        file: "src/client/tabs/leadership.ts",
        find: "if (this.#unanswered >= UNANSWERED_ASKS ||",
        replace: "if (this.#unanswered >= UNANSWERED_ASKS * 1e6 ||",
      },
    ],
  },
  {
    name: "robbed-leader-goes-on",
    rule: "C9",
    about: "a tab that lost its turn while it stood still never gets in line again",
    often: ["freeze", "thaw", "openTab", "waitLong", "killLeader"],
    patches: [
      {
        file: "src/client/tabs/leadership.ts",
        find: "  #lost() {\n    this.#yield = null;\n    this.#stepDown();\n    this.update();",
        replace:
          "  #lost() {\n    this.#yield = null;\n    this.#isPaused = true;\n    this.#stepDown();\n    this.update();",
      },
    ],
  },
];
