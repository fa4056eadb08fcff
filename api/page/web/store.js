// What the page knows: of each symbol its last row, its last closes and its state; of the chosen one all rows.

export const MAX_ROWS = 2_880; // two days of minutes
const CLOSES = 60;

/** One symbol. */
class Market {
  constructor(symbol) {
    this.symbol = symbol;
    this.last = null; // the newest row
    this.summary = null; // what /symbols or /latest said last: fewer fields, and a state
    this.restores = 0; // how often its state has become "restoring"
    this.closes = []; // of the last minutes, oldest first
  }

  get status() {
    return this.summary?.status ?? null;
  }

  /** The newest of both: what the list shows. */
  get newest() {
    return this.last && !(this.summary?.open_time_ms > this.last.open_time_ms) ? this.last : this.summary;
  }

  /** Take in a row. */
  take(row) {
    if (this.last && row.open_time_ms < this.last.open_time_ms) return;
    const knownMs = Math.max(this.last?.open_time_ms ?? -Infinity, this.closesUntilMs ?? -Infinity);
    this.last = row;
    if (row.open_time_ms > knownMs) this.closes = [...this.closes.slice(1 - CLOSES), row.close];
  }

  /** Take in an answer of the API; with `closes` if it was asked for them. */
  hear(answer) {
    if (answer.status === "restoring" && this.status !== "restoring") this.restores += 1;
    this.summary = { ...answer, open_time_ms: Date.parse(answer.timestamp) };
    if (!answer.closes) return;
    this.closes = answer.closes;
    this.closesUntilMs = this.summary.open_time_ms;
  }
}

export class Store {
  constructor() {
    this.markets = new Map();
  }

  market(symbol) {
    let market = this.markets.get(symbol);
    if (!market) this.markets.set(symbol, (market = new Market(symbol)));
    return market;
  }

  get symbols() {
    return [...this.markets.keys()].sort();
  }
}

/**
 * The rows of one symbol in order of time, without duplicates, from a snapshot (/history) and a stream.
 *
 * The stream is open before the snapshot is asked for, so the two overlap and nothing is missing between them. After each new
 * connection `restart` and `load` join what is here with a new snapshot.
 */
export class Rows {
  constructor() {
    this.all = [];
    this.isLoaded = false;
    this.fresh = []; // rows of the stream since the last restart
    this.round = 0;
  }

  /**
   * A snapshot will be asked for now; what the stream brings from now on is kept for it. Returns the number that `load` has to be given:
   * a snapshot that was asked for before the last restart is too old.
   */
  restart() {
    this.isLoaded = false;
    this.fresh = [];
    this.round += 1;
    return this.round;
  }

  /** Take in a row of the stream. Return whether it was appended at the end; a repeated or late one changes nothing. */
  push(row) {
    if (!this.isLoaded) {
      this.fresh.push(row);
      return false;
    }
    const last = this.all.at(-1);
    if (last && row.open_time_ms <= last.open_time_ms) return false;
    this.all.push(row);
    if (this.all.length > 2 * MAX_ROWS) this.trim(); // nobody looks: a hidden page draws nothing
    return true;
  }

  /**
   * Join a snapshot with what was known before it and with what came since; return whether it was taken. Rows that contradict it are
   * dropped: the log may be another one.
   */
  load(snapshot, round) {
    if (round !== this.round) return false;
    const first = snapshot[0];
    const same = first && this.all.find((row) => row.open_time_ms === first.open_time_ms);
    const continues = same && same.close === first.close && same.volatility === first.volatility;
    const older = continues ? this.all.filter((row) => row.open_time_ms < first.open_time_ms) : [];
    this.all = [...older, ...snapshot];
    this.isLoaded = true;
    const fresh = this.fresh.sort((a, b) => a.open_time_ms - b.open_time_ms);
    this.fresh = [];
    for (const row of fresh) this.push(row);
    this.trim();
    return true;
  }

  /** Forget the oldest rows once there are many more than are drawn; return whether any were. */
  trim() {
    if (this.all.length <= MAX_ROWS * 1.5) return false;
    this.all = this.all.slice(-MAX_ROWS);
    return true;
  }
}
