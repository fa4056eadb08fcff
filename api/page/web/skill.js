// How much better the forecasts were than those of something simpler, over the last day. Pure: rows in, numbers and sentences out.

import { duration, grouped, percent } from "./format.js";
import { MINUTE_MS } from "./words.js";

const DAY_MINUTES = 1_440;
const HORIZONS = 24; // the window is a day, or so many horizons if that is longer
const BLOCK_HORIZONS = 2;
const MIN_BLOCKS = 6;
const NORMAL = 1.6449; // between ± this lie 90 % of a normal distribution

/** Student's t: between ± this lie 90 % of it (Cornish-Fisher; within 0.01 from 5 degrees of freedom on). */
function studentT(freedom) {
  const [z, n] = [NORMAL, freedom];
  return z + (z ** 3 + z) / (4 * n) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n * n);
}

/** The loss of the champion's forecast that came due with a row, and that of its rival; null if one of them is not known. */
export function lossesOf(row, rival = null) {
  const own = row.outcome?.qlike;
  const other = rival === null ? row.outcome?.qlike_ewma : row.shadows?.find((each) => each.model === rival)?.qlike;
  return Number.isFinite(own) && Number.isFinite(other) ? [own, other] : null;
}

/**
 * The skill against a rival over a window that moves along: 1 − mean loss / mean loss of the rival, with an interval.
 *
 * There is an outcome each minute, but those of one horizon overlap: they are one piece of evidence, not sixty. So the losses are
 * summed over blocks of two horizons, which are nearly independent, and the interval is that of a ratio of such sums (standard error
 * with blocks as clusters, Student's t). It holds the true skill with a probability of roughly 90 %: losses have heavy tails. Without
 * six such blocks there is no number.
 */
export class Skill {
  constructor(horizonMinutes) {
    this.horizonMinutes = horizonMinutes;
    this.blockMinutes = BLOCK_HORIZONS * horizonMinutes;
    this.windowMinutes = Math.max(DAY_MINUTES, HORIZONS * horizonMinutes);
    this.times = []; // in minutes
    this.own = [0]; // sums of all losses before the one of that index
    this.other = [0];
  }

  /** Take in the losses that became known with the candle that opened then. */
  push(openTimeMs, [own, other]) {
    this.times.push(openTimeMs / MINUTE_MS);
    this.own.push(this.own.at(-1) + own);
    this.other.push(this.other.at(-1) + other);
  }

  /** How many of the times are at most this one; `end` is known not to be fewer. */
  until(minute, end) {
    let [low, high] = [0, end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= minute) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The skill after the last outcome: {skill, lower, upper, minutes, outcomes}; null if there are too few outcomes. */
  now() {
    const { times, own, other, blockMinutes } = this;
    const last = times.at(-1);
    const blocks = [];
    let [end, full] = [times.length, 0];
    for (let minute = last - blockMinutes; end > 0 && minute >= last - this.windowMinutes - 1e-6; minute -= blockMinutes) {
      const begin = this.until(minute, end);
      if (end - begin >= blockMinutes / 2) full += 1;
      if (end > begin) blocks.push([own[end] - own[begin], other[end] - other[begin]]);
      end = begin;
    }
    if (full < MIN_BLOCKS) return null;
    const [sum, base] = [0, 1].map((i) => blocks.reduce((total, each) => total + each[i], 0));
    if (!(base > 0)) return null;
    const ratio = sum / base;
    const count = blocks.length;
    const squares = blocks.reduce((total, [a, b]) => total + (a - ratio * b) ** 2, 0);
    const half = (studentT(count - 1) * Math.sqrt((squares * count) / (count - 1))) / base;
    return {
      skill: 1 - ratio, lower: 1 - ratio - half, upper: 1 - ratio + half,
      minutes: last - times[end] + 1, outcomes: times.length - end,
    };
  }
}

/** The skill after the last of these rows. */
export function skillOf(rows, rival = null) {
  if (!rows.length) return null;
  const skill = new Skill(rows.at(-1).horizon_minutes);
  for (const row of rows) {
    const losses = lossesOf(row, rival);
    if (losses) skill.push(row.open_time_ms, losses);
  }
  return skill.now();
}

/** What the skill means, in words; an empty text while there are too few outcomes. `name` is that of the rival, with an article. */
export function skillSentence(known, name = "a simple average") {
  if (known === null) return "";
  const { skill, lower, upper, minutes } = known;
  const over = minutes >= 0.95 * DAY_MINUTES && minutes <= DAY_MINUTES ? "the last day" : `the last ${duration(minutes * 60)}`;
  if (lower > 0) return `better than ${name} by ${percent(skill, 0)} over ${over}`;
  if (skill < -1 && upper < 0) return `much worse than ${name} over ${over}: its errors were ${grouped(1 - skill, 1)} times as large`;
  if (upper < 0) return `worse than ${name} by ${percent(-skill, 0)} over ${over}`;
  return `not clearly better or worse than ${name} over ${over}`;
}

/** The numbers behind `skillSentence`; an empty text if there are none. */
export function skillMeaning(known, horizonMinutes, name = "a simple average") {
  if (known === null) return "";
  const size = (share) => `${percent(Math.abs(share), 0)} ${share < 0 ? "larger" : "smaller"}`;
  const independent = Math.floor(known.minutes / horizonMinutes);
  return `The errors of these forecasts were ${size(known.skill)} than those of ${name}; chance considered, between ${size(known.lower)} and ` +
    `${size(known.upper)}: forecasts of neighbouring minutes overlap, so these count as ${independent}.`;
}
