// The connection to the API: rows as they are made, over one EventSource, and answers to questions.

import { askForToken } from "./session.js";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;
const MAX_PAGES = 20; // while a replay runs, new rows come as fast as they are asked for; the stream brings the rest

/** Fetch JSON from a path of the API; null if the API does not know what was asked for. Throws if it does not answer. */
export async function ask(path, timeoutMs = 10_000) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
  if (response.status === 401) askForToken();
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** All rows of a symbol that the API has, from a time on, oldest first; null if it does not know the symbol. */
export async function askForRows(symbol, fromMs = 0) {
  const path = `history/${encodeURIComponent(symbol)}?from=${fromMs}`;
  const rows = [];
  for (let next = null, pages = 0; pages < MAX_PAGES; pages += 1) {
    const answer = await ask(next === null ? path : `${path}&after=${next}`);
    if (answer === null) return null;
    rows.push(...answer.rows);
    next = answer.next;
    if (next === null) break;
  }
  return rows;
}

/**
 * Follows /stream for as long as the page is open.
 *
 * The browser reconnects by itself and names the last row it has (Last-Event-ID); where it gives up, this opens a new connection.
 * `onOpen` is called at each new connection, and when the API says that rows are missing: they have to be fetched from /history.
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
    source.addEventListener("reset", () => this.handlers.onOpen());
    source.addEventListener("error", () => {
      this.handlers.onLost();
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.timer = setTimeout(() => this.open(), this.retryMs);
      this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    });
  }
}
