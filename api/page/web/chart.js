// The chart of one symbol: candles, rolling mean and ranges above; forecast and realized volatility below; then the panes of panes.js.

import {
  CandlestickSeries, CrosshairMode, HistogramSeries, LineSeries, createChart, createSeriesMarkers,
} from "./vendor/lightweight-charts.standalone.production.mjs";
import { Gaps, PaneTitle, PriceRanges, Ribbon, dueMs, seconds } from "./bands.js";
import { digitsOfPrices, parts, smallPercent } from "./format.js";
import { QUIET, RatePane, SkillPane, cut } from "./panes.js";
import { colors } from "./theme.js";
import { MINUTE_MS } from "./words.js";

const MAX_GAP_MINUTES = 120; // of a longer gap as many minutes are drawn
const MIN_SHOWN = 90;
const REDRAW_ALL = 30; // with more new rows in one frame, and more than that part of all rows, the chart is built anew: that is faster
const MIN_BAR = 2.2; // pixels
const FIXED_PANES = 2;

export class PriceChart {
  constructor(element) {
    this.element = element;
    this.isLocal = false;
    this.chart = createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: "system-ui, sans-serif", panes: { enableResize: true } },
      crosshair: { mode: CrosshairMode.Normal },
      handleScroll: { vertTouchDrag: false, mouseWheel: false },
      timeScale: {
        timeVisible: true, secondsVisible: false, rightOffset: 3, minBarSpacing: 0.2,
        shiftVisibleRangeOnNewBar: true, allowShiftVisibleRangeOnWhitespaceReplacement: true,
        tickMarkFormatter: (time) => this.tick(time),
      },
      localization: { timeFormatter: (time) => this.label(time) },
    });
    const share = { type: "custom", minMove: 1e-7, formatter: smallPercent };
    this.axis = this.chart.addSeries(LineSeries, { ...QUIET, visible: true });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.mean = this.chart.addSeries(LineSeries, { ...QUIET, lineWidth: 1 });
    this.signal = this.chart.addSeries(HistogramSeries, { ...QUIET, priceScaleId: "signal" });
    this.signal.priceScale().applyOptions({ scaleMargins: { top: 0.975, bottom: 0 } });
    this.forecast = this.chart.addSeries(LineSeries, { ...QUIET, lineWidth: 2, priceFormat: share }, 1);
    this.realized = this.chart.addSeries(LineSeries, { ...QUIET, lineWidth: 2, priceFormat: share }, 1);
    this.rival = this.chart.addSeries(LineSeries, { ...QUIET, lineWidth: 2, lineStyle: 2, priceFormat: share }, 1);
    this.ranges = new PriceRanges();
    this.gaps = new Gaps();
    this.interval = new Ribbon();
    this.candles.attachPrimitive(this.gaps);
    this.candles.attachPrimitive(this.ranges);
    this.forecast.attachPrimitive(this.interval);
    this.markers = createSeriesMarkers(this.candles, []);
    this.chart.panes()[0].setStretchFactor(3.6);
    this.chart.panes()[1].setStretchFactor(1.2);
    this.title = new PaneTitle("volatility: forecast and what came");
    this.forecast.attachPrimitive(this.title);
    this.panes = { skill: new SkillPane(), rate: new RatePane() };
    this.clear();
    this.recolor();
  }

  clear() {
    this.rows = [];
    this.byTime = new Map();
    this.alarms = new Map(); // "detector time" -> alarm
    this.switches = []; // rows since which another model leads
    this.points = { axis: [], candles: [], mean: [], signal: [], forecast: [], realized: [], rival: [] };
    this.interval.points = [];
    this.gaps.all = [];
    this.ranges.clear();
    for (const pane of Object.values(this.panes)) pane.clear();
  }

  /** Whether a pane that can be hidden is to be shown, as soon as it has something to show. */
  want(name, isWanted) {
    this.panes[name].isWanted = isWanted;
    this.arrange();
  }

  /** Show the panes that are wanted and have something to show, and no others. */
  arrange() {
    let number = FIXED_PANES;
    for (const pane of Object.values(this.panes)) {
      const isShown = pane.isWanted && !pane.isEmpty;
      if (isShown !== pane.isShown) isShown ? pane.show(this.chart, number, this.colors) : pane.hide(this.chart);
      number += isShown;
    }
    const text = String(number - FIXED_PANES);
    if (this.element.dataset.panes !== text) this.element.dataset.panes = text;
  }

  /** Compare with a challenger, or with a simple average if it is null: what is drawn from the next `set` on. `name` is for people. */
  compare(rival, name) {
    this.challenger = rival;
    this.panes.skill.compare(rival, name);
  }

  /** Draw these rows and no others; `keepView` leaves the part of time that is shown as it is. */
  set(rows, keepView = false) {
    const view = keepView ? this.view() : null;
    this.clear();
    for (const row of rows) this.take(row);
    for (const [name, points] of Object.entries(this.points)) this[name].setData(points);
    for (const pane of Object.values(this.panes)) pane.draw();
    this.arrange();
    const digits = digitsOfPrices(rows.slice(-200).flatMap((row) => [row.open, row.close]));
    this.candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    this.mark();
    if (view) this.restore(view);
    else this.showNowOnceLaidOut();
  }

  /** Draw what has been added to `all` since the last call: its last `count` rows. */
  add(all, count) {
    if (count > Math.max(REDRAW_ALL, all.length / REDRAW_ALL)) return this.set(all, true);
    const before = Object.fromEntries(Object.entries(this.points).map(([name, points]) => [name, points.length]));
    const panes = Object.values(this.panes).map((pane) => [pane, pane.counts]);
    const marks = this.alarms.size + this.switches.length;
    const view = this.view();
    for (const row of all.slice(-count)) this.take(row);
    // The last point that was there is drawn once more: it may have become the end of a line.
    for (const [name, points] of Object.entries(this.points)) {
      for (const point of points.slice(Math.max(0, before[name] - 1))) this[name].update(point);
    }
    for (const [pane, counts] of panes) pane.drawFrom(counts);
    this.arrange();
    if (this.alarms.size + this.switches.length !== marks) this.mark();
    if (view?.follows) this.restore(view);
    this.ranges.requestUpdate?.();
  }

  /** What part of time is shown, and whether the newest candle is in it: then the view moves along with it. */
  view() {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range || !this.rows.length) return null;
    const time = seconds(this.rows.at(-1).open_time_ms);
    const index = scale.timeToIndex(time, true);
    return { range, time, index, follows: range.from <= index && index <= range.to };
  }

  restore({ range, time, index, follows }) {
    const scale = this.chart.timeScale();
    if (!this.rows.length) return;
    const now = scale.timeToIndex(follows ? seconds(this.rows.at(-1).open_time_ms) : time, true);
    scale.setVisibleLogicalRange({ from: range.from + now - index, to: range.to + now - index });
  }

  /** Turn one row into points. */
  take(row) {
    const { axis, candles, mean, signal, forecast, realized, rival } = this.points;
    const time = seconds(row.open_time_ms);
    const due = seconds(dueMs(row));
    const last = this.rows.at(-1);
    const isAfterGap = last && row.open_time_ms - last.open_time_ms > MINUTE_MS;
    if (isAfterGap) this.gaps.all.push({ from: seconds(last.open_time_ms), to: time });
    // The axis has every minute up to the end of the horizon, so that the range ahead has a place.
    let next = axis.length ? axis.at(-1).time + 60 : time;
    if (due - next > MAX_GAP_MINUTES * 60 + (due - time)) next = time - 60;
    for (; next <= due; next += 60) axis.push({ time: next });
    candles.push({ time, open: row.open, high: row.high, low: row.low, close: row.close });
    if (isAfterGap) for (const line of [mean, forecast, rival]) cut(line);
    if (row.rolling_mean !== null) mean.push({ time, value: row.rolling_mean });
    if (row.signal) signal.push({ time, value: 1 });
    if (row.volatility > 0) {
      forecast.push({ time: due, value: row.volatility });
      this.interval.points.push({ time: due, lower: row.volatility_lower, upper: row.volatility_upper });
    }
    const other = this.challenger && row.shadows.find((each) => each.model === this.challenger);
    if (other?.volatility > 0) rival.push({ time: due, value: other.volatility });
    if (row.outcome) {
      if (realized.length && time - realized.at(-1).time > 60) cut(realized);
      realized.push({ time, value: row.outcome.realized_volatility });
    }
    if (last && last.model !== row.model) this.switches.push(row);
    for (const alarm of row.drift_alarms ?? []) this.alarms.set(`${alarm.detector} ${alarm.open_time_ms}`, alarm);
    for (const pane of Object.values(this.panes)) pane.take(row);
    this.ranges.push(row);
    this.rows.push(row);
    this.byTime.set(time, row);
  }

  /** A mark at the beginning of each drift alarm, and where another model begins to lead. */
  mark() {
    const first = this.rows[0]?.open_time_ms ?? Infinity;
    const at = (each) => seconds(each.open_time_ms);
    const alarms = [...this.alarms.values()].filter((each) => each.open_time_ms >= first);
    const [above, below] = [{ position: "aboveBar", shape: "arrowDown", color: this.colors.alarm }, { position: "belowBar", shape: "arrowUp", color: this.colors.forecast }];
    this.marks = [
      ...alarms.map((each) => ({ ...above, time: at(each), text: each.detector.replaceAll("_", " ") })),
      ...this.switches.map((each) => ({ ...below, time: at(each), text: `${each.model} leads` })),
    ].sort((a, b) => a.time - b.time);
    this.markers.setMarkers(this.marks);
  }

  /** The chart may just have become visible: its size is known one frame later. */
  showNowOnceLaidOut() {
    requestAnimationFrame(() => requestAnimationFrame(() => this.showNow()));
  }

  /** Show the last hours and the horizon ahead. */
  showNow() {
    const row = this.rows.at(-1);
    if (!row) return;
    const fits = Math.max(MIN_SHOWN, this.element.clientWidth / MIN_BAR - row.horizon_minutes);
    const past = Math.min(fits, 4 * row.horizon_minutes, Math.max(MIN_SHOWN, this.rows.length));
    const scale = this.chart.timeScale();
    const index = scale.timeToIndex(seconds(row.open_time_ms), true);
    scale.setVisibleLogicalRange({ from: index - past, to: index + row.horizon_minutes + 2 });
  }

  zoom(factor) {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range) scale.setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
  }

  move(share) {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range) return;
    const step = (range.to - range.from) * share;
    scale.setVisibleLogicalRange({ from: range.from + step, to: range.to + step });
  }

  /** A canvas with what is shown now. */
  picture() {
    return this.chart.takeScreenshot();
  }

  /** Call `changed` with the row under the pointer, or with null. */
  onHover(changed) {
    this.chart.subscribeCrosshairMove(({ time }) => changed(time === undefined ? null : this.byTime.get(time) ?? null));
  }

  setZone(isLocal) {
    this.isLocal = isLocal;
    this.chart.applyOptions({ localization: { timeFormatter: (time) => this.label(time) } });
  }

  tick(time) {
    const { time: text, day } = parts(time * 1_000, this.isLocal);
    return text === "00:00" ? day : text;
  }

  label(time) {
    const { time: text, day } = parts(time * 1_000, this.isLocal);
    return `${day} ${text}`;
  }

  recolor() {
    const c = colors();
    Object.assign(this, { colors: c });
    this.ranges.colors = c;
    this.gaps.colors = c;
    this.interval.fill = c.intervalFill;
    const lines = { vertLines: { color: c.grid }, horzLines: { color: c.grid } };
    this.chart.applyOptions({
      layout: { background: { color: c.panel }, textColor: c.muted, panes: { separatorColor: c.grid, separatorHoverColor: c.grid } },
      grid: lines,
      rightPriceScale: { borderColor: c.grid },
      timeScale: { borderColor: c.grid },
    });
    this.candles.applyOptions({ upColor: c.up, downColor: c.down, wickUpColor: c.up, wickDownColor: c.down });
    this.mean.applyOptions({ color: c.mean });
    this.signal.applyOptions({ color: c.signal });
    this.forecast.applyOptions({ color: c.forecast });
    this.realized.applyOptions({ color: c.realized });
    this.rival.applyOptions({ color: c.skill });
    this.title.colors = c;
    for (const pane of Object.values(this.panes)) pane.recolor(c);
    this.mark();
  }
}
