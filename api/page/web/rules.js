// What an alert can be about, and when it is due. Pure: rules, rows and answers in, values and sentences out.

import { atHorizon } from "./choice.js";
import { duration, grouped, horizonName, percent, smallPercent } from "./format.js";
import { MINUTE_MS, halfRange, unusualness } from "./words.js";

const YEAR_MINUTES = 525_600;
export const COOL_DOWN_MS = 15 * MINUTE_MS;

/**
 * By name: how it is called, the unit of the threshold, the value of a row in that unit (null while it is not known), and a sentence.
 * A quantity without a unit has no threshold: it is an event.
 */
export const QUANTITIES = {
  range: {
    text: ({ horizon }) => `range of the next ${horizonName(horizon)} (±)`,
    unit: "%",
    of: (row) => (halfRange(row) === null ? null : 100 * halfRange(row)),
    say: (value, { horizon }) => `the range of the next ${horizonName(horizon)} is ±${smallPercent(value / 100)}`,
  },
  unusual: {
    text: () => "volatility against the usual",
    unit: "times",
    of: unusualness,
    say: (value) => `volatility is ${grouped(value, 1)} times the usual for this time of day`,
  },
  annualized: {
    text: () => "volatility, annualized",
    unit: "% a year",
    of: (row) => (row.volatility > 0 ? 100 * row.volatility * Math.sqrt(YEAR_MINUTES / row.horizon_minutes) : null),
    say: (value) => `volatility is ${percent(value / 100, 0)} a year`,
  },
  left: {
    text: () => "price leaves its range",
    unit: null,
    of: (row) => (row.outcome ? Number(!row.outcome.price_covered) : null),
    say: (_, { horizon }) => `the price is outside of the range that was forecast ${duration(60 * horizon)} before`,
  },
};

/** The value of a rule's quantity in a row, for the horizon of the rule; null if it is not known. */
export function valueOf(rule, row) {
  return QUANTITIES[rule.quantity].of(atHorizon(row, rule.horizon));
}

/** Whether a value is on the far side of the threshold. */
export function isMet({ quantity, isAbove, threshold }, value) {
  if (value === null) return false;
  if (QUANTITIES[quantity].unit === null) return value > 0;
  return isAbove ? value >= threshold : value <= threshold;
}

/** What has happened, as a sentence without a full stop. */
export function sentenceOf(rule, value) {
  return QUANTITIES[rule.quantity].say(value, rule);
}

/** The rule itself in words, such as "range of the next hour (±): 0.8 % or more". */
export function ruleText(rule) {
  const { text, unit } = QUANTITIES[rule.quantity];
  if (unit === null) return text(rule);
  return `${text(rule)}: ${rule.threshold} ${unit} or ${rule.isAbove ? "more" : "less"}`;
}

/** Whether something that was stored is a rule. */
export function isRule(rule) {
  return Boolean(rule) && Object.hasOwn(QUANTITIES, rule.quantity) && Number.isInteger(rule.horizon) && rule.horizon > 0 &&
    (QUANTITIES[rule.quantity].unit === null || (Number.isFinite(rule.threshold) && rule.threshold > 0));
}

/**
 * Whether the API's last answer says that a row is of now: only then an alert is due. What is stale, restoring, warming up, replayed or
 * suspect, or must not be used any more, gives none.
 */
export function isOfNow(latest, row) {
  if (latest?.status !== "ok" || latest.suspect || !latest.valid_until) return false;
  const openMs = Date.parse(latest.timestamp);
  const nowMs = openMs + MINUTE_MS + latest.age_seconds * 1_000;
  return openMs === row.open_time_ms && nowMs < Date.parse(latest.valid_until);
}

/** A round threshold somewhat above a value, to begin with. */
export function firstThreshold(quantity, value) {
  if (quantity === "unusual" || !(value > 0)) return 2;
  return Number((1.5 * value).toPrecision(2));
}
