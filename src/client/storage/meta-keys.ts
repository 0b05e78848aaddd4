/** What the store `meta` holds, by name. The keys lie on disks, so they stay as they are. */
export const META = {
  /** How far this device has followed the server's log. */
  syncPoint: "sync",
  /** The secret and the client ids of the device. */
  device: "device",
  /** Whose data it is. */
  owner: "owner",
  /** Which database it is: after a deletion there may be another one of the same name. */
  storeId: "identity",
  /** Damaged documents, which have to be loaded again. */
  damaged: "refetch",
  /** Idempotency keys of the newest transactions. */
  transactions: "transactions",
  /** Imports that have been done. */
  imports: "imports",
  /** How often everything was deleted on purpose. */
  timesCleared: "cleared",
} as const;
