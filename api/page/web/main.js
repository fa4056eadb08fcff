// Wires the page together: the stream and the questions to the API on one side, chart, words and list on the other.
// Rows are taken in as they come and drawn together, at most once per frame of the screen, so that a replay at full speed stays readable.

import { AlertPanel } from "./alert.js";
import { PriceChart } from "./chart.js";
import { Choice, choosePanes } from "./choice.js";
import { moment, zoneName } from "./format.js";
import { Arrivals, askForHealth, keepAskingForHealth, wireHealth } from "./health.js";
import { legendOf, showAlarms, showHeadline, showKeys, showNothing } from "./headline.js";
import { wireKeys } from "./keys.js";
import { SymbolList } from "./list.js";
import { Rows, Store } from "./store.js";
import { Stream, ask, askForRows } from "./stream.js";
import { onPaper, onThemeChange } from "./theme.js";

const WORDS_EVERY_MS = 250;
const FEW_ROWS = 2;
const MANY_ROWS_EVERY_MS = 50; // a fast replay: between two drawings the page stays ready for people
const LATEST_EVERY_MS = 2_000;
const ALL_EVERY_MS = 15_000;
const ALL_EVERY_MS_IF_MANY = 60_000;
const MANY = 100;
const BEHIND_MS = 90_000; // the stream is that much older than what /latest says: it has stopped without saying so

const byId = (id) => document.getElementById(id);
const store = new Store();
const chart = new PriceChart(byId("chart"));
const page = {
  symbol: null,
  rows: new Rows(),
  latest: null,
  quality: null,
  models: null,
  ready: null,
  arrivals: new Arrivals(),
  clockMs: null, // time by the server's clock minus performance.now()
  lostAt: null, // since when the API does not answer
  streamLostAt: null, // since when there is no stream; rows are then fetched from /history
  isUnknown: false, // whether the API has no signal for the symbol
  isLocal: false,
  added: 0,
  wordsAt: -Infinity,
  chartAt: -Infinity,
  hovered: null,
};
const list = new SymbolList({
  list: byId("symbols"), search: byId("search"), order: byId("order"), count: byId("count"), store,
});

const choice = new Choice({
  horizon: byId("horizon"),
  rival: byId("rival"),
  changed: () => {
    page.wordsAt = -Infinity;
    redraw(true);
    chart.showNow(); // the range ahead has another width now
  },
});

const alertPanel = new AlertPanel(() => {
  const own = store.markets.get(page.symbol)?.last ?? null;
  return {
    symbol: page.symbol, own, row: own && choice.row(own), status: store.markets.get(page.symbol)?.status,
    nowMs: serverMs(), isLocal: page.isLocal,
  };
});

// --- rows

const stream = new Stream({
  onRow(row) {
    store.market(row.symbol).take(row);
    list.touch(row.symbol);
    alertPanel.take(row, serverMs());
    if (row.symbol === page.symbol) {
      page.arrivals.take(row, serverMs());
      if (page.rows.push(row)) page.added += 1;
    }
    if (page.symbol === null) choose();
  },
  onOpen() {
    page.streamLostAt = null;
    showConnection();
    reload();
    askForAll(true);
  },
  onLost() {
    page.arrivals.interrupt();
    page.streamLostAt ??= performance.now();
    showConnection();
  },
});

/** Fetch the rows of the chosen symbol anew, and join them with what is here. */
async function reload() {
  const { symbol, rows } = page;
  if (symbol === null) return;
  const round = rows.restart();
  const isFirst = !rows.all.length;
  try {
    const known = await askForRows(symbol);
    if (rows !== page.rows) return;
    found(true);
    if (known === null) return;
    if (!rows.load(known, round)) return;
    if (rows.all.length) store.market(symbol).take(rows.all.at(-1));
    list.touch(symbol);
    page.added = 0;
    byId("charts").hidden = !rows.all.length;
    redraw(!isFirst);
    page.wordsAt = -Infinity;
  } catch {
    found(false);
    setTimeout(() => rows === page.rows && rows.round === round && reload(), LATEST_EVERY_MS);
  }
}

/** Draw all rows anew. */
function redraw(keepView) {
  const { all } = page.rows;
  if (all.length) choice.offer(all.at(-1));
  chart.compare(choice.rival, choice.rivalName);
  chart.set(choice.rows(all), keepView);
}

// --- state and age

/** The API has answered, or it has not. */
function found(isThere) {
  page.lostAt = isThere ? null : (page.lostAt ?? performance.now());
  showConnection();
}

function showConnection() {
  const isGood = page.lostAt === null && page.streamLostAt === null;
  const trouble = page.lostAt === null ? "connected, but updates come late; trying again …" : "no connection, trying again …";
  const text = isGood ? "connected" : trouble;
  if (byId("connection").textContent !== text) byId("connection").textContent = text;
  byId("connection").dataset.kind = isGood ? "good" : "bad";
}

/** The time by the server's clock; null if that is not known. */
function serverMs() {
  return page.clockMs === null ? null : page.clockMs + performance.now();
}

/** Take in what the API says of a symbol; return when its newest candle opened. */
function hear(answer) {
  const market = store.market(answer.symbol);
  market.hear(answer);
  page.clockMs = market.summary.open_time_ms + 60_000 + answer.age_seconds * 1_000 - performance.now();
  list.touch(answer.symbol);
  return market.summary.open_time_ms;
}

async function askForLatest() {
  const { symbol } = page;
  try {
    const latest = symbol === null ? null : await ask(`latest/${encodeURIComponent(symbol)}`, 5_000);
    if (symbol !== null) found(true);
    if (symbol === page.symbol) page.isUnknown = symbol !== null && latest === null;
    if (latest && symbol === page.symbol) {
      page.latest = latest;
      const openMs = hear(latest);
      const last = page.rows.all.at(-1);
      const behindMs = page.rows.isLoaded && last ? openMs - last.open_time_ms : 0;
      if (behindMs > 0 && page.streamLostAt !== null) reload();
      else if (behindMs > BEHIND_MS && latest.status !== "replaying") stream.open();
    }
    if (symbol === null) await askForAll();
  } catch {
    found(false);
  }
  setTimeout(askForLatest, LATEST_EVERY_MS);
}

async function askForAll(withCloses = false) {
  try {
    const { symbols } = await ask(`symbols?closes=${withCloses}`, 30_000);
    symbols.forEach(hear);
    found(true);
  } catch {
    found(false);
  }
  if (page.symbol === null) choose();
}

function keepAskingForAll() {
  setTimeout(async () => {
    await askForAll();
    keepAskingForAll();
  }, store.markets.size > MANY ? ALL_EVERY_MS_IF_MANY : ALL_EVERY_MS);
}

// --- what is chosen

/** Choose the symbol that the address names, or the first one. */
function choose() {
  const named = location.hash.slice(1).toUpperCase();
  const symbol = named && named !== "FORECAST" ? named : (page.symbol ?? store.symbols[0] ?? null);
  if (symbol === page.symbol) return;
  Object.assign(page, { symbol, rows: new Rows(), latest: null, quality: null, models: null, arrivals: new Arrivals() });
  Object.assign(page, { isUnknown: false, added: 0, hovered: null, wordsAt: -Infinity });
  byId("charts").hidden = true;
  byId("alarms").hidden = true;
  list.choose(symbol);
  list.entries.get(symbol)?.item.scrollIntoView({ block: "nearest" });
  reload();
  if (symbol !== null) ask(`latest/${encodeURIComponent(symbol)}`).then((latest) => latest && hear(latest), () => {});
  askForHealth(page, store);
}

// --- drawing

function draw() {
  requestAnimationFrame(draw);
  const nowMs = performance.now();
  if (page.added && (page.added <= FEW_ROWS || nowMs - page.chartAt >= MANY_ROWS_EVERY_MS)) {
    page.chartAt = nowMs;
    if (page.rows.trim() || choice.offer(page.rows.all.at(-1))) redraw(true);
    else chart.add(choice.rows(page.rows.all), page.added);
    page.added = 0;
  }
  if (nowMs - page.wordsAt < WORDS_EVERY_MS) return;
  page.wordsAt = nowMs;
  list.draw(nowMs);
  alertPanel.draw();
  const market = page.symbol === null ? null : store.markets.get(page.symbol);
  if (!market?.last) {
    if (page.lostAt !== null) showNothing("volcast", "No connection to volcast. This page tries again by itself.");
    else if (page.symbol !== null && !page.isUnknown) showNothing(page.symbol, "Loading …");
    else if (page.symbol !== null) showNothing(page.symbol, "There is no signal for this symbol. Choose another one from the list.");
    else showNothing("No forecasts yet", "volcast has no signal yet. As soon as the first candle has come, it is shown here.");
    return;
  }
  const clockMs = serverMs();
  const { latest, quality, models, ready, isLocal } = page;
  const rows = choice.rows(page.rows.all);
  const health = { latest, quality, models, ready, lagS: page.arrivals.medianS };
  const lostS = page.lostAt === null ? null : (nowMs - page.lostAt) / 1_000;
  showHeadline({ market, row: choice.row(market.last), rows, health, nowMs: clockMs, isLocal, lostS, choice });
  const timeMs = clockMs ?? market.last.open_time_ms;
  showAlarms([...chart.alarms.values()], market.last, isLocal, timeMs);
  const legend = legendOf(page.hovered ?? rows.at(-1), isLocal, timeMs);
  if (byId("legend").textContent !== legend) byId("legend").textContent = legend;
  if (rows.length) showKeys(rows.at(-1), chart.panes, choice);
  const label = `Chart of ${market.symbol} until ${moment(market.last.open_time_ms, isLocal, timeMs)}. ${byId("band").textContent}`;
  byId("chart").setAttribute("aria-label", label);
}

// --- what people do

function changeZone() {
  page.isLocal = !page.isLocal;
  byId("zone").textContent = page.isLocal ? `local (${zoneName(Date.now(), true)})` : "UTC";
  chart.setZone(page.isLocal);
  page.wordsAt = -Infinity;
}

wireKeys({ chart, list, changeZone });
wireHealth();
addEventListener("hashchange", choose);
chart.onHover((row) => {
  page.hovered = row;
  byId("legend").classList.toggle("touched", row !== null);
  page.wordsAt = -Infinity;
});
onThemeChange(() => chart.recolor());
onPaper(chart, byId("paper"), () => {
  const lastMs = page.rows.all.at(-1)?.open_time_ms;
  const clock = serverMs() === null ? "" : `, printed at ${moment(serverMs(), page.isLocal, 0)}`;
  return lastMs === undefined ? "" : `Last candle of ${moment(lastMs, page.isLocal, 0)}${clock}.`;
});
choosePanes([...document.querySelectorAll("[data-pane]")], chart);

choose();
askForLatest();
keepAskingForAll();
keepAskingForHealth(page, store);
draw();

export { alertPanel, chart, page, store }; // for the tests
