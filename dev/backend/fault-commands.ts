import type { DelayRule, FailRule, Faults, FaultState } from "./faults.js";

type SimpleFault =
  | "dropSockets"
  | "stallSockets"
  | "unstallSockets"
  | "refuseConnections"
  | "allowConnections"
  | "resetCalls"
  | "reset";

/** What a test in another process posts to `/dev/faults`. */
export type FaultCommand =
  { do: SimpleFault } | ({ do: "failNext" } & FailRule) | ({ do: "delayNext" } & DelayRule);

export function applyFault(faults: Faults, command: FaultCommand): void {
  switch (command.do) {
    case "dropSockets":
      return faults.dropSockets();
    case "stallSockets":
      return faults.stallSockets();
    case "unstallSockets":
      return faults.unstallSockets();
    case "refuseConnections":
      return faults.refuseConnections();
    case "allowConnections":
      return faults.allowConnections();
    case "resetCalls":
      return faults.calls.reset();
    case "reset":
      return faults.reset();
    case "failNext": {
      const { do: _, ...rule } = command;
      return faults.failNext(rule);
    }
    case "delayNext": {
      const { do: _, ...rule } = command;
      return faults.delayNext(rule);
    }
    default:
      throw new Error(`Unknown fault command ${JSON.stringify(command satisfies never)}`);
  }
}

/** Drives the faults of a backend in another process. */
export function remoteFaults(backendUrl: string): RemoteFaults {
  const request = async (init?: RequestInit): Promise<FaultState> => {
    const response = await fetch(`${backendUrl}/dev/faults`, init);
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as FaultState;
  };
  return {
    apply: (command) => request({ method: "POST", body: JSON.stringify(command) }),
    state: () => request(),
  };
}

export interface RemoteFaults {
  apply(command: FaultCommand): Promise<FaultState>;
  state(): Promise<FaultState>;
}
