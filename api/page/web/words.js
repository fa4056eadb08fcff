// The forecast in words that need no dictionary. Pure: rows, answers and times in, sentences out.

import { digitsOfRange, duration, grouped, horizonName, moment, percent, smallPercent } from "./format.js";

export const MINUTE_MS = 60_000;
const FEW_HORIZONS = 6; // forecasts of neighbouring minutes overlap: that many horizons, one after the other, are needed to judge
/** From these ratios of forecast to usual volatility on, the words change. */
const LEVELS = [
  [0.5, "much calmer than usual for this time of day"],
  [0.8, "calm for this time of day"],
  [1.25, "as usual for this time of day"],
  [2, "livelier than usual for this time of day"],
  [Infinity, "unusually wild for this time of day"],
];
export const UNUSUAL = 2; // as in GET /symbols

/** What each status of the API means for a reader: a short name, how loud it is, and whether the numbers are of the past. */
const STATES = {
  ok: { name: "live", kind: "good" },
  replaying: { name: "replaying the past", kind: "past" },
  finished: { name: "of the past", kind: "past" },
  warming: { name: "warming up", kind: "weak" },
  sparse: { name: "too few candles", kind: "weak" },
  stale: { name: "stale", kind: "bad" },
  restoring: { name: "restoring", kind: "weak" },
  unreadable: { name: "unreadable", kind: "bad" },
  clock_skew: { name: "clock wrong", kind: "bad" },
};
const GUESS = "Take the range as a first guess.";
const UNKNOWN = { name: "state unknown", kind: "weak" };

export function stateOf(status) {
  return STATES[status] ?? (status ? { ...UNKNOWN, name: status } : UNKNOWN);
}

/** The order by state: what needs somebody first. */
export function severityOf(status) {
  return ["bad", "weak", "past", "good"].indexOf(stateOf(status).kind);
}

/** Half of the range in relation to the price; null if there is no range. */
export function halfRange(row) {
  return row.price_upper > row.price_lower && row.close > 0 ? (row.price_upper - row.price_lower) / (2 * row.close) : null;
}

/** Forecast volatility over what is usual now; null if that is not known. */
export function unusualness(row) {
  return row?.usual_volatility > 0 ? row.volatility / row.usual_volatility : null;
}

/** What to say before the numbers, or null if nothing has to be said. `ageS` is the age of the row by the server's clock. */
export function warning(status, row, ageS, { isLocal, nowMs }) {
  const of = moment(row.open_time_ms + MINUTE_MS, isLocal, nowMs);
  const over = ageS > row.horizon_minutes * 60 ? ` Its ${horizonName(row.horizon_minutes)} is over.` : "";
  const cold = row.warm === false ? ` The model was not warm: it had seen less than a day of this market, or most minutes were missing. ${GUESS}` : "";
  switch (status) {
    case "ok":
      return null;
    case "stale":
      return `Stale: no candle for ${duration(ageS)}. This forecast was made at ${of}.${over}${cold}`;
    case "finished":
      return `The past, not now: the replay has ended. This forecast was made at ${of}.${cold}`;
    case "replaying":
      return `The past, not now: a replay is running and has come to ${of}.`;
    case "warming":
      return `Warming up: the model has learned from less than a day of this market. ${GUESS}`;
    case "sparse":
      return "Most minutes of the last day have no candle. Do not rely on the range.";
    case "restoring":
      return `Restoring: signals are still being read. This forecast was made at ${of} and may be an old one.`;
    case "unreadable":
      return `The newest record of this symbol cannot be read. This is an older forecast, made at ${of}.`;
    case "clock_skew":
      return "The candle ends in the future: a clock or a date is wrong. Do not use these numbers.";
    default:
      return `The state of these numbers is not known. They were made at ${of}.`;
  }
}

/** The range of the price, in words. */
export function rangeSentence(row) {
  const half = halfRange(row);
  if (half === null) return "There is no range for the price yet.";
  const digits = digitsOfRange(row.price_lower, row.price_upper);
  const [lower, upper] = [row.price_lower, row.price_upper].map((each) => grouped(each, digits));
  return {
    before: `next ${horizonName(row.horizon_minutes)} `,
    half: `±${smallPercent(half)}`,
    after: ` (${percent(row.interval_level, 0)}: ${lower} to ${upper})`,
  };
}

/** How the forecast compares with what is usual now; an empty text if that is not known. */
export function comparison(row) {
  const ratio = unusualness(row);
  if (ratio === null) return "";
  const words = LEVELS.find(([limit]) => ratio < limit)[1];
  const amount = ratio >= 0.8 && ratio < 1.25 ? "" : `: ${grouped(ratio, ratio < 10 ? 1 : 0)} times the usual movement`;
  return words + amount;
}

/**
 * Of the forecasts that have come due among these rows, in how many the price was in its range; in how many minutes they were made, and
 * how many horizons that is.
 */
function record(rows) {
  const counts = { due: 0, held: 0, minutes: 0, horizons: 0 };
  let firstMs = null;
  for (const { outcome, horizon_minutes: horizon } of rows) {
    if (!outcome) continue;
    counts.due += 1;
    counts.held += outcome.price_covered ? 1 : 0;
    firstMs ??= outcome.open_time_ms;
    counts.minutes = (outcome.open_time_ms - firstMs) / MINUTE_MS + 1;
    counts.horizons = Math.floor(Math.min(counts.minutes, counts.due) / horizon);
  }
  return counts;
}

/** How often the range held, in short; too few forecasts give no percentage. */
export function heldSentence(rows) {
  const { due, held, horizons } = record(rows);
  if (!due) return "no forecast has come due yet";
  if (horizons < FEW_HORIZONS) return `the range held in ${held} of the first ${due} forecasts: too few to judge`;
  return `the range held ${percent(held / due)} of the time`;
}

/** What the range means, and what the sample behind `heldSentence` is. */
export function meaning(row, rows) {
  if (halfRange(row) === null) return "";
  const name = horizonName(row.horizon_minutes);
  const later = /^\d/.test(name) ? name : name === "hour" ? "an hour" : `a ${name}`;
  const level = percent(row.interval_level, 0);
  const { due, held, minutes, horizons } = record(rows);
  const counted = `${grouped(held, 0)} of ${grouped(due, 0)} forecasts made in ${duration(60 * minutes)}; they overlap and count as ${horizons}`;
  const sample = horizons < FEW_HORIZONS ? "" : ` So it was in ${counted}.`;
  return `With ${level} probability the price is in this range ${later} later.${sample}`;
}
