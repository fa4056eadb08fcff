// The connection to the API: rows as they are made, over one EventSource, and answers to questions.

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

/** Fetch JSON from a path of the API; null if the API does not know what was asked for. Throws if it does not answer. */
export async function ask(path, timeoutMs = 10_000) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/**
 * Follows /stream for as long as the page is open.
 *
 * The browser reconnects by itself and names the last row it has (Last-Event-ID); where it gives up, this opens a new connection.
 * `onOpen` is called at each new connection: what was missed meanwhile has to be fetched from /history.
 */
export class Stream {
  constructor({ onRow, onOpen, onLost }) {
    this.handlers = { onRow, onOpen, onLost };
    this.retryMs = FIRST_RETRY_MS;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = new EventSource("stream");
    this.source = source;
    source.addEventListener("open", () => {
      this.retryMs = FIRST_RETRY_MS;
      this.handlers.onOpen();
    });
    source.addEventListener("signal", (event) => this.handlers.onRow(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      this.handlers.onLost();
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.timer = setTimeout(() => this.open(), this.retryMs);
      this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    });
  }
}
