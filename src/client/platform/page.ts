/** What has to be known of the page that a collection runs in; passed in, so that tests can own it. */
export interface Page {
  /** Whether somebody can see it. */
  isVisible(): boolean;
  /** Tells when it is shown or hidden; hidden it may end at any moment, without another word. */
  onVisibility(listener: (visible: boolean) => void): () => void;
  /** Calls `listener` at the browser's `online` and `offline` events. */
  onNetwork(listener: (online: boolean) => void): () => void;
  /** Has the browser ask before the page is left, whenever `isUnsafe` returns true at that moment. */
  askBeforeLeaving(isUnsafe: () => boolean): () => void;
}

/** A server, a worker or a native app: always there, as far as anybody can tell. */
export const noPage: Page = {
  isVisible: () => true,
  onVisibility: () => () => undefined,
  onNetwork: () => () => undefined,
  askBeforeLeaving: () => () => undefined,
};

/** The page that this code runs in. */
export function thisPage(): Page {
  const isPage = typeof window !== "undefined" && typeof document !== "undefined";
  return isPage && typeof window.addEventListener === "function" ? browserPage : noPage;
}

const browserPage: Page = {
  isVisible: () => document.visibilityState === "visible",
  onVisibility(listener) {
    const tell = () => listener(document.visibilityState === "visible");
    // Safari leaves some pages without a change of visibility, hence both.
    const hide = () => listener(false);
    const stops = [
      listen(document, "visibilitychange", tell),
      listen(window, "pagehide", hide),
      listen(window, "pageshow", tell),
    ];
    return () => stops.forEach((stop) => stop());
  },
  onNetwork(listener) {
    const stops = [
      listen(window, "online", () => listener(true)),
      listen(window, "offline", () => listener(false)),
    ];
    return () => stops.forEach((stop) => stop());
  },
  askBeforeLeaving: (isUnsafe) =>
    listen(window, "beforeunload", (event) => {
      if (isUnsafe()) event.preventDefault();
    }),
};

function listen(target: EventTarget, type: string, listener: (event: Event) => void): () => void {
  target.addEventListener(type, listener);
  return () => target.removeEventListener(type, listener);
}
