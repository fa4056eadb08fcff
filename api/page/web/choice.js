// What a person has chosen to see: panes, a horizon, and what the forecasts are compared with. It is remembered in this browser.

import { horizonName } from "./format.js";
import { recall, remember } from "./memory.js";

const NARROW = 700; // pixels: on a phone the price gets the room, until somebody asks for more
export const AVERAGE = "a simple average";

/** The horizons in minutes that a row has forecasts for; its own one first. */
export function horizonsOf(row) {
  return [row.horizon_minutes, ...(row.other_horizons ?? []).map((each) => each.horizon_minutes)];
}

/** The challengers that a row has forecasts of. */
export function rivalsOf(row) {
  return (row.shadows ?? []).map((each) => each.model);
}

/**
 * The row as it would be if another horizon were its own one, in minutes. What is not known of that horizon is null, and a row that has
 * no forecast for it has neither volatility nor range.
 */
export function atHorizon(row, minutes) {
  if (minutes === row.horizon_minutes) return row;
  const other = row.other_horizons?.find((each) => each.horizon_minutes === minutes);
  const none = { volatility: 0, volatility_lower: 0, volatility_upper: 0, price_lower: row.close, price_upper: row.close, outcome: null };
  return { ...row, ...none, ...other, horizon_minutes: minutes, usual_volatility: null, volatility_median: null, other_horizons: [], shadows: [] };
}

/** The horizon and the challenger that are chosen, as far as the rows have them, and the controls for it. */
export class Choice {
  /** `horizon` and `rival` are the controls, each within a label; `changed` is called when a person has chosen. */
  constructor({ horizon, rival, changed }) {
    Object.assign(this, { controls: { horizon, rival }, horizon: null, rival: null, seen: new WeakMap() });
    this.wanted = { horizon: recall("horizon"), rival: recall("rival") };
    for (const [name, control] of Object.entries(this.controls)) {
      control.addEventListener("change", () => {
        this.wanted[name] = name === "horizon" ? Number(control.value) : control.value || null;
        remember(name, this.wanted[name]);
        changed();
      });
    }
  }

  /** Offer what this row has; return whether something else is shown now. A choice that it does not have is kept for another symbol. */
  offer(row) {
    const horizons = horizonsOf(row);
    const horizon = horizons.includes(this.wanted.horizon) ? this.wanted.horizon : row.horizon_minutes;
    const rivals = horizon === row.horizon_minutes ? rivalsOf(row) : []; // challengers forecast the signal's own horizon only
    const rival = rivals.includes(this.wanted.rival) ? this.wanted.rival : null;
    fill(this.controls.horizon, horizons.map((each) => [String(each), `next ${horizonName(each)}`]), String(horizon));
    fill(this.controls.rival, [["", AVERAGE], ...rivals.map((each) => [each, `challenger ${each}`])], rival ?? "");
    const isOther = horizon !== this.horizon || rival !== this.rival;
    if (horizon !== this.horizon) this.seen = new WeakMap();
    Object.assign(this, { horizon, rival });
    return isOther;
  }

  /** How the rival is called in a sentence. */
  get rivalName() {
    return this.rival === null ? AVERAGE : `the challenger ${this.rival}`;
  }

  /** A row as it is to be shown. The same row gives the same object. */
  row(row) {
    if (this.horizon === null || row.horizon_minutes === this.horizon) return row;
    let known = this.seen.get(row);
    if (!known) this.seen.set(row, (known = atHorizon(row, this.horizon)));
    return known;
  }

  rows(rows) {
    return rows.some((row) => this.row(row) !== row) ? rows.map((row) => this.row(row)) : rows;
  }
}

/** Give a control these options; a control with only one is not shown. */
function fill(control, options, value) {
  control.closest("label").hidden = options.length < 2;
  const shown = JSON.stringify(options);
  if (control.dataset.shown !== shown) {
    control.dataset.shown = shown;
    control.replaceChildren(...options.map(([each, text]) => new Option(text, each)));
  }
  if (control.value !== value) control.value = value;
}

/** Buttons that show and hide panes of the chart. */
export function choosePanes(buttons, chart) {
  const known = recall("panes", {});
  for (const button of buttons) {
    const name = button.dataset.pane;
    const set = (isWanted) => {
      button.setAttribute("aria-pressed", String(isWanted));
      chart.want(name, isWanted);
    };
    set(typeof known?.[name] === "boolean" ? known[name] : innerWidth >= NARROW);
    button.addEventListener("click", () => {
      set(button.getAttribute("aria-pressed") !== "true");
      remember("panes", Object.fromEntries(buttons.map((each) => [each.dataset.pane, each.getAttribute("aria-pressed") === "true"])));
    });
  }
}
