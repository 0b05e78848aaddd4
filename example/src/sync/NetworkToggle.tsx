import { useSyncExternalStore } from "react";
import { network } from "../store.js";
import { Icon } from "../ui/Icon.js";

/** Cuts this browser off the backend, for real: see `network.ts`. */
export function NetworkToggle() {
  const connected = useSyncExternalStore(network.subscribe, network.isConnected);
  return (
    <button
      type="button"
      role="switch"
      className="network-toggle"
      data-testid="network-toggle"
      aria-checked={!connected}
      aria-label="Work offline"
      title={connected ? "Cut the connection to the server" : "Connect again"}
      onClick={() => network.setConnected(!connected)}
    >
      <Icon name="offline" />
      <span className="network-label">Work offline</span>
      <span className="switch" aria-hidden="true" />
    </button>
  );
}
