// How the data are: facts for people, each with what it means. What is not known is left out.

import { duration, grouped, moment, percent } from "./format.js";
import { ask } from "./stream.js";
import { MINUTE_MS } from "./words.js";

const byId = (id) => document.getElementById(id);
const EVERY_MS = 10_000;
const KEPT = 30;
const MIN_ARRIVALS = 3;
const LATE_S = 30;
const STALE_S = 180;

/** How long after the end of its minute each row of one symbol was here. */
export class Arrivals {
  constructor() {
    this.lagsS = [];
    this.lastMs = null;
  }

  /**
   * Take in a row of the stream; `nowMs` is the time by the server's clock, null if that is not known. Only a row that follows the one
   * before counts: the first one of a connection may have waited for it. Rows of a replay are no news.
   */
  take(row, nowMs) {
    const follows = this.lastMs !== null && row.open_time_ms - this.lastMs === MINUTE_MS;
    this.lastMs = row.open_time_ms;
    const lagS = (nowMs - row.open_time_ms - MINUTE_MS) / 1_000;
    if (nowMs === null || !follows || !(lagS < STALE_S)) return;
    this.lagsS = [...this.lagsS.slice(1 - KEPT), Math.max(0, lagS)];
  }

  /** The next row is the first one of a connection. */
  interrupt() {
    this.lastMs = null;
  }

  /** The median in seconds; null if too few have come. */
  get medianS() {
    const { lagsS } = this;
    return lagsS.length < MIN_ARRIVALS ? null : [...lagsS].sort((a, b) => a - b)[lagsS.length >> 1];
  }
}

/** Ask the API about the candles of the chosen symbol, and what it has read. */
export async function askForHealth(page, store) {
  const { symbol } = page;
  try {
    const isReading = store.markets.get(symbol)?.status === "restoring"; // then /ready answers with an error
    const of = (path) => (symbol === null ? null : ask(`${path}/${encodeURIComponent(symbol)}`));
    const [quality, models, ready] = await Promise.all([of("quality"), of("models"), isReading ? page.ready : ask("ready")]);
    if (symbol === page.symbol) Object.assign(page, { quality, models, ready });
  } catch {
    // That there is no connection is said elsewhere. What is not known is left out.
    if (symbol === page.symbol) Object.assign(page, { quality: null, models: null, ready: null });
  }
}

export function keepAskingForHealth(page, store) {
  askForHealth(page, store);
  setTimeout(() => keepAskingForHealth(page, store), EVERY_MS);
}

const count = (number, one, many = `${one}s`) => `${grouped(number, 0)} ${number === 1 ? one : many}`;

/** What was refused by the consumer, in words; null if this API does not know. */
function refused(quality) {
  if (!Number.isFinite(quality?.duplicates)) return null;
  const kinds = [["duplicates", "duplicate", "duplicates"], ["late", "late", "late"], ["unconfirmed_dates", "odd date", "odd dates"]];
  return kinds.filter(([name]) => quality[name] > 0).map(([name, one, many]) => count(quality[name], one, many)).join(", ") || "none";
}

/** Which model leads, and what the last promotion says of it, in words: [value, meaning]. */
function lead(row, models, zone) {
  const at = (time) => moment(Date.parse(time), zone.isLocal, zone.nowMs);
  const leader = models?.models.find((each) => each.champion && each.model === row.model);
  const others = models?.models.length - 1;
  const last = models?.promotions[0];
  const since = leader && last ? `, since ${at(leader.leads_since)}` : "";
  const waiting = last && last.model !== row.model && Date.parse(last.named_candle) > row.open_time_ms ? `; ${last.model} from ${at(last.named_candle)}` : "";
  const meaning = "The model that makes these forecasts. People can let a challenger lead instead, from a named minute on.";
  const why = last?.why ? `: ${last.why}` : "";
  const said = last ? ` Last: ${last.model} from ${at(last.named_candle)}, decided by ${last.who}${why}` : "";
  return [`${row.model}${since}${waiting}${others > 0 ? `, ${count(others, "challenger")}` : ""}`, meaning + said];
}

/**
 * The facts: [name, value, whether it is bad, what it means, whether a phone shows it, too]. `latest`, `quality`, `models` and `ready` are
 * the last answers of the API, null if there is none; `isPast` says that the numbers are not of now and do not claim to be.
 */
export function facts({ row, latest, quality, models, ready, ageS, lagS, restores, isPast }, { isLocal, nowMs }) {
  const [leading, aboutLeading] = lead(row, models, { isLocal, nowMs });
  const alarms = row.drift_alarms?.length ?? 0;
  const until = [latest, ...(latest?.other_horizons ?? [])].find((each) => each?.horizon_minutes === row.horizon_minutes)?.valid_until;
  const untilMs = Date.parse(until ?? "");
  const isOver = !isPast && untilMs <= nowMs;
  const missing = `${count(row.missing_minutes, "minute")} in ${count(row.gaps, "gap")}`;
  const share = quality?.missing_share > 0 ? `, ${percent(quality.missing_share)} of the last day` : "";
  const rejected = refused(quality);
  const isUnreadable = ready?.unreadable_symbols?.includes(row.symbol);
  return [
    ["Last candle", ageS === null ? "–" : ageS < 0 ? "in the future" : `${duration(ageS)} ago`, !isPast && (ageS > STALE_S || ageS < 0),
      "Time since the newest minute ended. A live feed brings one each minute.", true],
    ["Valid until", isPast ? "not of now" : !latest ? "–" : !until ? "not valid now" : `${moment(untilMs, isLocal, nowMs)}${isOver ? ": over" : ""}`, isOver,
      "From then on a program must not use these numbers. A new minute moves it on.", true],
    lagS !== null && ["Comes after", lagS < 9.95 ? `${grouped(lagS, 1)} s` : duration(lagS), lagS > LATE_S,
      "Time from the end of a minute until its forecast was on this page, the median of the last ones.", false],
    ["Model", leading, false, aboutLeading, false],
    ["Missing", missing + share, quality?.missing_share > 0.05, "Minutes without a candle since the log began.", false],
    rejected !== null && ["Refused", rejected, quality.unconfirmed_dates > 0,
      "Candles that changed nothing: a minute that was known, one that came too late, a date that no other candle confirmed.", false],
    quality?.revisions > 0 && ["Corrected", count(quality.revisions, "candle"), false,
      "Candles that the venue changed after their minute had ended. Forecasts keep what was known at the time.", false],
    ["Suspect prices", latest ? grouped(latest.suspect_candles, 0) : "–", row.suspect,
      "Candles with a price far outside the market's scale; the forecast leaves them out.", false],
    ready?.unreadable > 0 && ["Unreadable", count(ready.unreadable, "record"), isUnreadable,
      "Forecasts on the log that this API could not read, of all symbols.", false],
    restores > 0 && ["Restores", grouped(restores, 0), false,
      "How often forecasts were being rebuilt or read again since this page was opened.", false],
    ["Drift alarms on", String(alarms), alarms > 0, "Signs that the market or the data are no longer what the model has learned.", true],
    ["Inputs that drift", percent(row.data_drift_ratio, 0), false, "Share of the watched inputs of the forecast that drift now.", false],
    ["Close above its mean", row.signal ? "yes" : "no", false, "The signal: whether the last close is above the rolling mean.", false],
    ["Forecasts judged", latest ? grouped(latest.outcomes, 0) : "–", false, "Forecasts whose horizon has passed, since the log began.", false],
  ].filter(Boolean);
}

/** Show the facts, and explain them in the help. A fact that changes its value only is not made anew. */
export function showHealth(given, zone) {
  const all = facts(given, zone);
  const names = all.map(([name]) => name).join();
  const health = byId("health");
  if (health.dataset.names !== names) {
    health.dataset.names = names;
    health.replaceChildren(...all.map(([name, , , meaning, isShort]) => pair(name, "", meaning, isShort)));
    byId("health-help").replaceChildren(...all.map(([name, , , meaning]) => pair(name, meaning)));
  }
  all.forEach(([, value, isBad, meaning], i) => {
    if (health.children[i].title !== meaning) {
      health.children[i].title = meaning;
      byId("health-help").children[i].lastChild.textContent = meaning;
    }
    const text = health.children[i].lastChild;
    if (text.textContent !== value) text.textContent = value;
    health.children[i].classList.toggle("loud", Boolean(isBad));
  });
  byId("health-more").hidden = false;
}

function pair(name, text, tip, isShort) {
  const made = document.createElement("div");
  const [term, value] = ["dt", "dd"].map((tag) => made.appendChild(document.createElement(tag)));
  term.textContent = name;
  value.textContent = text;
  if (tip) made.title = tip;
  if (isShort === false) made.className = "detail";
  return made;
}

/** Nothing is known. */
export function hideHealth() {
  const health = byId("health");
  health.dataset.names = "";
  health.replaceChildren();
  byId("health-more").hidden = true;
}

/** The button that shows the other facts on a phone. */
export function wireHealth() {
  byId("health-more").addEventListener("click", () => {
    const isAll = byId("headline").classList.toggle("all");
    byId("health-more").setAttribute("aria-expanded", String(isAll));
    byId("health-more").textContent = isAll ? "Less" : "More about it";
  });
}
