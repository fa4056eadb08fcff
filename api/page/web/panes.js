// The panes below the volatility, which people can hide: the skill against something simpler, and how often the signal is on.

import { LineSeries } from "./vendor/lightweight-charts.standalone.production.mjs";
import { PaneTitle, Ribbon, seconds } from "./bands.js";
import { percent } from "./format.js";
import { Skill, lossesOf } from "./skill.js";

export const QUIET = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };
const SHARE = { type: "custom", minMove: 0.001, formatter: (share) => percent(share, 0) };

/** End a line at its last point: what comes next is not joined to it. A segment has the colour of the point where it begins. */
export function cut(points) {
  if (points.length) points[points.length - 1] = { ...points.at(-1), color: "transparent" };
}

/** Lines in a pane of their own. A kind of pane says with `take` what a row adds to `points`, by name of the line. */
class Pane {
  constructor(names, title, stretch) {
    Object.assign(this, { names, stretch, pane: null, isWanted: true, title: new PaneTitle(title) });
    this.clear();
  }

  get isShown() {
    return this.pane !== null;
  }

  get isEmpty() {
    return this.names.every((name) => !this.points[name].length);
  }

  clear() {
    this.points = Object.fromEntries(this.names.map((name) => [name, []]));
  }

  /** Add a point to a line, which is cut where minutes are missing. */
  push(name, time, value) {
    const points = this.points[name];
    if (points.length && time - points.at(-1).time > 60) cut(points);
    points.push({ time, value });
  }

  /** Show the pane as the one with this number. */
  show(chart, number, colors) {
    this.pane = chart.addPane();
    this.pane.moveTo(Math.min(number, chart.panes().length - 1));
    this.lines = Object.fromEntries(this.names.map((name) => [name, this.pane.addSeries(LineSeries, { ...QUIET, lineWidth: 2, priceFormat: SHARE })]));
    this.pane.setStretchFactor(this.stretch);
    this.lines[this.names[0]].priceScale().applyOptions({ scaleMargins: { top: 0.24, bottom: 0.14 } }); // room for the title
    this.lines[this.names[0]].attachPrimitive(this.title); // a primitive of the pane itself gets lost when another pane goes
    this.built();
    this.recolor(colors);
    this.draw();
  }

  hide(chart) {
    for (const line of Object.values(this.lines)) chart.removeSeries(line); // with the last one the pane goes
    this.pane = null;
  }

  built() {}

  draw() {
    if (this.isShown) for (const name of this.names) this.lines[name].setData(this.points[name]);
  }

  /** Draw what is new since there were so many points of each line. The last one of them may have become the end of a line. */
  drawFrom(counts) {
    if (!this.isShown) return;
    for (const name of this.names) for (const point of this.points[name].slice(Math.max(0, counts[name] - 1))) this.lines[name].update(point);
  }

  get counts() {
    return Object.fromEntries(this.names.map((name) => [name, this.points[name].length]));
  }

  recolor(colors) {
    this.title.colors = colors;
    if (this.isShown) this.paint(colors);
  }
}

/** 1 − mean loss / mean loss of a simple average or a challenger, over the last day: above 0 the forecasts were better. */
export class SkillPane extends Pane {
  constructor() {
    super(["skill"], "", 0.9);
    this.interval = new Ribbon(-1, 1);
    this.compare(null, "a simple average");
  }

  clear() {
    super.clear();
    this.skill = null;
    if (this.interval) this.interval.points = [];
  }

  take(row) {
    const losses = lossesOf(row, this.rival);
    if (!losses) return;
    this.skill ??= new Skill(row.horizon_minutes);
    this.skill.push(row.open_time_ms, losses);
    const now = this.skill.now();
    if (!now) return;
    const time = seconds(row.open_time_ms);
    this.push("skill", time, now.skill);
    this.interval.points.push({ time, lower: now.lower, upper: now.upper });
  }

  /** With what the forecasts are compared from the next row on: a challenger, or null for the simple average; and its name. */
  compare(rival, name) {
    this.rival = rival;
    this.title.text = `skill against ${name} · last day · above 0: better · shaded: chance considered`;
  }

  built() {
    this.lines.skill.attachPrimitive(this.interval);
    this.zero = this.lines.skill.createPriceLine({ price: 0, lineWidth: 1, lineStyle: 2, axisLabelVisible: false });
  }

  paint(colors) {
    this.interval.fill = colors.skillFill;
    this.lines.skill.applyOptions({ color: colors.skill });
    this.zero.applyOptions({ color: colors.muted });
  }
}

/** The share of minutes whose close was above its mean: of the last `rate_window` minutes, and since the start. */
export class RatePane extends Pane {
  constructor() {
    super(["rateAll", "rate"], "signal rate · share of minutes with the close above its mean: lately · thin: since the start", 0.7);
  }

  take(row) {
    const time = seconds(row.open_time_ms);
    if (row.signal_rate !== null) this.push("rateAll", time, row.signal_rate);
    if (row.signal_rate_window !== null) this.push("rate", time, row.signal_rate_window);
  }

  paint(colors) {
    this.lines.rate.applyOptions({ color: colors.signal });
    this.lines.rateAll.applyOptions({ color: colors.muted, lineWidth: 1 });
  }
}
