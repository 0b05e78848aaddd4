import { ReplicateError } from "../../shared/errors.js";

/** Why data of a newer version of this package is left alone. */
export function newerData(): ReplicateError {
  return new ReplicateError(
    "NEWER_DATA",
    "Local data was stored by a newer version of this app. Reload the page to get that version; what is stored stays as it is.",
  );
}
