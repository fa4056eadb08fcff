// What the chart library does not draw by itself: ranges of the price with their outcome, an interval as a ribbon, gaps.
// Each class is a series primitive of Lightweight Charts 5.

import { duration } from "./format.js";
import { MINUTE_MS } from "./words.js";

const STEPS = 16;
export const seconds = (ms) => ms / 1_000;

/** What all primitives share: the chart they are attached to, one view, and a way to ask for a new drawing. */
class Primitive {
  constructor(zOrder) {
    const renderer = {
      draw: (target) => target.useMediaCoordinateSpace(({ context, mediaSize }) => this.paint(context, mediaSize)),
    };
    this.views = [{ zOrder: () => zOrder, renderer: () => renderer }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { scale: chart.timeScale(), series, requestUpdate });
  }

  paneViews() {
    return this.views;
  }

  x(time) {
    return this.scale.timeToCoordinate(time);
  }

  index(time) {
    return this.scale.timeToIndex(time, true);
  }
}

/** The time at which a forecast that was made after the candle of `row` is due, as the opening time of the last candle within. */
export function dueMs(row) {
  return row.open_time_ms + row.horizon_minutes * MINUTE_MS;
}

/**
 * The ranges of the price: those that were made at the beginning of each whole horizon, as far as there are rows of that minute, and
 * the newest one, which lies ahead of the price.
 */
export class PriceRanges extends Primitive {
  constructor() {
    super("bottom");
    this.clear();
    this.labels = ["upper", "lower"].map((bound) => ({
      coordinate: () => (this.ahead && this.series.priceToCoordinate(this.ahead[bound])) ?? -100,
      text: () => (this.ahead ? this.series.priceFormatter().format(this.ahead[bound]) : ""),
      textColor: () => this.colors.panel,
      backColor: () => this.colors.ahead,
      visible: () => this.ahead !== null,
    }));
  }

  clear() {
    this.past = [];
    this.byTime = new Map();
    this.ahead = null;
  }

  /** Take in the next row. */
  push(row) {
    if (row.outcome) {
      const due = this.byTime.get(row.outcome.open_time_ms);
      if (due) due.held = row.outcome.price_covered;
    }
    if (!(row.price_upper > row.price_lower)) {
      this.ahead = null;
      return;
    }
    const range = { from: seconds(row.open_time_ms), to: seconds(dueMs(row)), close: row.close, lower: row.price_lower, upper: row.price_upper };
    this.ahead = { ...range, held: undefined };
    if ((row.open_time_ms + MINUTE_MS) % (row.horizon_minutes * MINUTE_MS) === 0) {
      const past = { ...range, held: null };
      this.past.push(past);
      this.byTime.set(row.open_time_ms, past);
    }
  }

  /** The bounds ahead as labels on the price scale. */
  priceAxisViews() {
    return this.labels;
  }

  autoscaleInfo(start, end) {
    let [low, high] = [Infinity, -Infinity];
    for (const range of this.ahead ? [...this.past, this.ahead] : this.past) {
      const [from, to] = [this.index(range.from), this.index(range.to)];
      if (from === null || to === null || to < start || from > end) continue;
      low = Math.min(low, range.lower);
      high = Math.max(high, range.upper);
    }
    return low <= high ? { priceRange: { minValue: low, maxValue: high } } : null;
  }

  paint(context, { width }) {
    const { colors } = this;
    for (const range of this.past) {
      const name = range.held === null ? "unknown" : range.held ? "held" : "missed";
      this.cone(context, width, range, colors[name], range.held === null ? null : colors[`${name}Fill`], range.held === null);
    }
    if (this.ahead) this.cone(context, width, this.ahead, colors.ahead, colors.aheadFill, false, 2);
  }

  /** One range: log price ± what grows with the square root of the time, up to the bounds that were forecast. */
  cone(context, width, { from, to, close, lower, upper, held }, line, fill, isDashed, edge = 1.5) {
    const [x0, x1] = [this.x(from), this.x(to)];
    if (x0 === null || x1 === null || x1 < 0 || x0 > width) return;
    const curve = (bound) =>
      Array.from({ length: STEPS + 1 }, (_, i) => {
        const share = (i / STEPS) ** 2; // closer together where the curve is steep
        return [x0 + (x1 - x0) * share, this.series.priceToCoordinate(close * (bound / close) ** Math.sqrt(share))];
      });
    const [above, below] = [curve(upper), curve(lower)];
    if (fill) {
      context.beginPath();
      for (const [x, y] of [...above, ...below.reverse()]) context.lineTo(x, y);
      context.closePath();
      context.fillStyle = fill;
      context.fill();
      below.reverse();
    }
    context.strokeStyle = line;
    context.setLineDash(isDashed ? [3, 3] : []);
    context.lineWidth = 1;
    for (const side of [above, below]) {
      context.beginPath();
      for (const [x, y] of side) context.lineTo(x, y);
      context.stroke();
    }
    const [top, bottom] = [above.at(-1)[1], below.at(-1)[1]];
    context.lineWidth = edge;
    context.beginPath();
    context.moveTo(x1, top);
    context.lineTo(x1, bottom);
    context.stroke();
    context.setLineDash([]);
    if (held === false) this.cross(context, x1, top - 9, line);
  }

  cross(context, x, y, color) {
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - 4, y - 4);
    context.lineTo(x + 4, y + 4);
    context.moveTo(x - 4, y + 4);
    context.lineTo(x + 4, y - 4);
    context.stroke();
  }
}

/**
 * An interval that changes from minute to minute, as an area between two bounds. Points: {time, lower, upper}, in order. The scale
 * shows them as far as they lie between `floor` and `ceiling`, and `floor` or 0 itself.
 */
export class Ribbon extends Primitive {
  constructor(floor = 0, ceiling = Infinity) {
    super("bottom");
    Object.assign(this, { floor, ceiling });
    this.points = [];
  }

  /** The points of a part of time. The chart asks for them with each new point of each line, so it has to be quick. */
  between(from, to) {
    const { points } = this;
    const first = (time) => {
      let [low, high] = [0, points.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (points[middle].time < time) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return points.slice(first(from), first(to + 1));
  }

  paint(context, { width }) {
    context.fillStyle = this.fill;
    let part = [];
    let before = null;
    const end = () => {
      if (part.length > 1) {
        context.beginPath();
        for (const [x, , upper] of part) context.lineTo(x, upper);
        for (const [x, lower] of part.reverse()) context.lineTo(x, lower);
        context.closePath();
        context.fill();
      }
      part = [];
    };
    const visible = this.scale.getVisibleRange();
    for (const { time, lower, upper } of visible ? this.between(visible.from - 60, visible.to + 60) : []) {
      if (before !== null && time - before > 60) end();
      before = time;
      const x = this.x(time);
      if (x === null || x < -20 || x > width + 20) continue;
      part.push([x, this.series.priceToCoordinate(lower), this.series.priceToCoordinate(upper)]);
    }
    end();
  }

  autoscaleInfo() {
    const visible = this.scale.getVisibleRange();
    if (!visible) return null;
    let [low, high] = [0, 0];
    for (const { lower, upper } of this.between(visible.from, visible.to)) {
      if (lower < low) low = lower;
      if (upper > high) high = upper;
    }
    return high > low ? { priceRange: { minValue: Math.max(low, this.floor), maxValue: Math.min(high, this.ceiling) } } : null;
  }
}

/** Minutes without a candle, from `from` to `to` (the candles on both sides, in seconds): shaded, with their number. */
export class Gaps extends Primitive {
  constructor() {
    super("bottom");
    this.all = [];
  }

  paint(context, { width, height }) {
    for (const { from, to } of this.all) {
      const [x0, x1] = [this.x(from), this.x(to)];
      if (x0 === null || x1 === null || x1 < 0 || x0 > width) continue;
      context.fillStyle = this.colors.gap;
      context.fillRect(x0 + 1, 0, Math.max(1, x1 - x0 - 2), height);
      const short = duration(to - from - 60);
      context.font = "12px system-ui, sans-serif";
      const text = [`${short} missing`, short].find((each) => context.measureText(each).width < x1 - x0 - 4);
      if (!text) continue;
      context.fillStyle = this.colors.text;
      context.textAlign = "center";
      context.fillText(text, (x0 + x1) / 2, 16);
    }
  }
}

/** What a pane shows, in its upper left corner, as many of the parts as have room. */
export class PaneTitle extends Primitive {
  constructor(text) {
    super("top");
    this.text = text;
  }

  paint(context, { width }) {
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    const parts = this.text.split(" · ");
    while (parts.length > 1 && context.measureText(parts.join(" · ")).width > width - 12) parts.pop();
    const text = parts.join(" · ");
    context.fillStyle = this.colors.panel;
    context.globalAlpha = 0.8;
    context.fillRect(0, 2, context.measureText(text).width + 8, 16);
    context.globalAlpha = 1;
    context.fillStyle = this.colors.muted;
    context.fillText(text, 4, 4);
  }
}
