// The first glance: what is forecast, and whether to trust it. Writes into the document.

import { digitsOfPrices, duration, grouped, moment, percent, smallPercent } from "./format.js";
import { hideHealth, showHealth } from "./health.js";
import { skillMeaning, skillOf, skillSentence } from "./skill.js";
import { MINUTE_MS, comparison, halfRange, heldSentence, meaning, rangeSentence, stateOf, warning } from "./words.js";

const byId = (id) => document.getElementById(id);
const TIERS = { page: "needs somebody now", ticket: "needs a look this week", info: "for the record" };

/** Change a text only if it is another one: what is selected stays selected, and nothing is laid out anew. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Show a symbol. `market` has its state, `row` is its last one and `rows` are those of the chart, as `choice` has them; `health` is what
 * else is known (see health.js); `nowMs` is the time by the server's clock, null if that is not known yet.
 */
export function showHeadline({ market, row, rows, health, nowMs, isLocal, lostS, choice }) {
  const ageS = nowMs === null ? null : (nowMs - row.open_time_ms - MINUTE_MS) / 1_000;
  const zone = { isLocal, nowMs: nowMs ?? row.open_time_ms };
  const state = lostS === null ? stateOf(market.status) : { name: "no connection", kind: "bad" };
  const lost = `No connection to volcast for ${duration(lostS)}: these are the last numbers that came, made at ${moment(row.open_time_ms + MINUTE_MS, isLocal, zone.nowMs)}.`;
  const words = lostS === null ? warning(market.status, row, ageS ?? 0, zone) : lost;

  byId("headline").dataset.kind = state.kind;
  byId("warning").hidden = words === null;
  say(byId("warning"), words ?? "");
  say(byId("symbol"), market.symbol);
  const price = grouped(row.close, digitsOfPrices(rows.slice(-50).map((each) => each.close)));
  say(byId("price"), price);
  const age = state.kind === "past" || ageS === null || ageS < 0 ? "" : ` · ${duration(ageS)} old`;
  say(byId("state"), `${state.name}${age}`);

  const range = rangeSentence(row);
  const band = byId("band");
  const text = typeof range === "string" ? range : range.before + range.half + range.after;
  if (band.textContent !== text) {
    band.replaceChildren();
    if (typeof range === "string") band.textContent = range;
    else {
      const half = document.createElement("strong");
      half.textContent = range.half;
      band.append(range.before, half, range.after);
    }
  }
  const held = heldSentence(rows);
  const skill = skillOf(rows, choice.rival);
  say(byId("trust"), sentenceOf([comparison(row), held, skillSentence(skill, choice.rivalName)].filter(Boolean).join(" · ")));
  say(byId("meaning"), meaning(row, rows));
  say(byId("skill-meaning"), skillMeaning(skill, row.horizon_minutes, choice.rivalName));
  const half = halfRange(row);
  document.title = `${market.symbol} ${price}${half ? ` · ±${smallPercent(half)}` : ""} · ${state.kind === "good" ? "volcast" : state.name}`;
  showHealth({ row, ageS, isPast: state.kind === "past", restores: market.restores, ...health }, zone);
}

function sentenceOf(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}

/** Nothing to show yet, or a symbol that does not exist. */
export function showNothing(title, sentence) {
  byId("headline").dataset.kind = "weak";
  byId("warning").hidden = true;
  say(byId("symbol"), title);
  for (const id of ["price", "state", "trust", "meaning"]) say(byId(id), "");
  hideHealth();
  say(byId("band"), sentence);
  document.title = "volcast";
}

/** The drift alarms of the rows that are drawn, those that are on first, each with its story. */
export function showAlarms(alarms, row, isLocal, nowMs) {
  byId("alarms").hidden = !alarms.length;
  const on = new Set((row.drift_alarms ?? []).map((each) => `${each.detector} ${each.open_time_ms}`));
  const isOn = (each) => on.has(`${each.detector} ${each.open_time_ms}`);
  const sorted = [...alarms].sort((a, b) => isOn(b) - isOn(a) || b.open_time_ms - a.open_time_ms);
  const shown = JSON.stringify([sorted, [...on], isLocal]);
  if (byId("alarm-list").dataset.shown === shown) return;
  byId("alarm-list").dataset.shown = shown;
  byId("alarm-list").replaceChildren(...sorted.slice(0, 20).map((each) => {
    const item = document.createElement("li");
    const when = document.createElement("strong");
    when.textContent = `${isOn(each) ? "On since" : "Over; it began at"} ${moment(each.open_time_ms, isLocal, nowMs)}`;
    item.append(when, ` · ${TIERS[each.tier] ?? each.tier} · ${each.detector.replaceAll("_", " ")}: ${each.what}`);
    item.dataset.on = isOn(each);
    return item;
  }));
}

/** One line about the candle under the pointer, or about the newest one. */
export function legendOf(row, isLocal, nowMs) {
  if (!row) return "";
  const digits = digitsOfPrices([row.open, row.high, row.low, row.close]);
  const [open, high, low, close] = [row.open, row.high, row.low, row.close].map((each) => grouped(each, digits));
  const came = row.outcome ? `of the last ${row.horizon_minutes} min ${smallPercent(row.outcome.realized_volatility)}, forecast was ${smallPercent(row.outcome.volatility)}` : "";
  return [
    moment(row.open_time_ms, isLocal, nowMs),
    `open ${open}, high ${high}, low ${low}, close ${close}`,
    row.rolling_mean === null ? "" : `mean ${grouped(row.rolling_mean, digits + 1)}`,
    `volatility forecast ${smallPercent(row.volatility)}`,
    came,
    row.suspect ? "suspect price" : "",
  ].filter(Boolean).join(" · ");
}

/** What the lines and areas of the chart are, of those panes that it has. */
export function showKeys(row, panes, { rival, rivalName }) {
  const name = percent(row.interval_level, 0);
  const minutes = row.horizon_minutes;
  const keys = [
    ["ahead", `range ahead: ${name} of prices in ${minutes} min`],
    ["held", "range that held"],
    ["missed", "range that did not (×)"],
    ["gap", "minutes missing"],
    ["mean", "rolling mean"],
    ["signal", "close above the mean"],
    ["forecast", `volatility forecast ${minutes} min before, with interval`],
    ["realized", "volatility that came"],
    rival !== null && ["rival", `forecast of ${rivalName}`],
    panes.skill.isShown && ["skill", `skill against ${rivalName}, last day`],
    panes.rate.isShown && ["rate", "share of minutes with the close above the mean"],
  ].filter(Boolean);
  const shown = JSON.stringify(keys);
  if (byId("keys").dataset.shown === shown) return;
  byId("keys").dataset.shown = shown;
  byId("keys").replaceChildren(...keys.map(([kind, text]) => {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    item.textContent = text;
    return item;
  }));
}
