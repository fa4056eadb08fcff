// The list of all symbols: price, range, state and the last hour as a small line. Fit for some hundred of them.

import { digitsOfPrices, grouped, smallPercent } from "./format.js";
import { UNUSUAL, halfRange, severityOf, stateOf, unusualness } from "./words.js";

const [WIDTH, HEIGHT] = [72, 22];
const SVG = "http://www.w3.org/2000/svg";
const ORDER_EVERY_MS = 3_000;

const KEYS = {
  name: () => 0,
  range: (market) => -(market.newest ? (halfRange(market.newest) ?? 0) : 0),
  unusual: (market) => -(unusualness(market.newest) ?? 0),
  state: (market) => severityOf(market.status),
};

/** The line through the last closes. Missing minutes do not show: it is a glance, the chart has them. */
export function sparklinePath(closes) {
  if (closes.length < 2) return "";
  const [low, high] = [Math.min(...closes), Math.max(...closes)];
  return closes
    .map((close, i) => {
      const x = (i / (closes.length - 1)) * (WIDTH - 2) + 1;
      const y = high > low ? HEIGHT - 2 - ((close - low) / (high - low)) * (HEIGHT - 4) : HEIGHT / 2;
      return `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

export class SymbolList {
  constructor({ list, search, order, count, store }) {
    Object.assign(this, { list, search, order, count, store });
    this.entries = new Map();
    this.dirty = new Set();
    this.chosen = null;
    this.orderedAt = -Infinity;
    search.addEventListener("input", () => this.arrange());
    order.addEventListener("change", () => this.arrange());
  }

  entry(symbol) {
    const known = this.entries.get(symbol);
    if (known) return known;
    const item = document.createElement("li");
    item.dataset.symbol = symbol;
    const link = element("a", "entry", item);
    link.href = `#${symbol}`;
    const made = { item, link };
    element("span", "name", link).textContent = symbol;
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sparkline", "aria-hidden": "true" })) svg.setAttribute(name, value);
    made.path = svg.appendChild(document.createElementNS(SVG, "path"));
    link.append(svg);
    made.price = element("span", "price number", link);
    made.note = element("span", "note", link);
    made.range = element("span", "range number", link);
    this.entries.set(symbol, made);
    return made;
  }

  /** The numbers of a symbol have changed; they are shown at the next `draw`. */
  touch(symbol) {
    this.dirty.add(symbol);
  }

  draw(nowMs) {
    const isNew = [...this.dirty].some((symbol) => !this.entries.has(symbol));
    for (const symbol of this.dirty) this.fill(symbol);
    this.dirty.clear();
    const isBusy = this.list.matches(":hover, :focus-within");
    if (isNew || (this.order.value !== "name" && !isBusy && nowMs - this.orderedAt > ORDER_EVERY_MS)) this.arrange(nowMs);
  }

  fill(symbol) {
    const market = this.store.market(symbol);
    const { path, price, note, range, link } = this.entry(symbol);
    const state = stateOf(market.status);
    const row = market.newest;
    const ratio = unusualness(row);
    const half = row && halfRange(row);
    path.setAttribute("d", sparklinePath(market.closes));
    price.textContent = row ? grouped(row.close, digitsOfPrices([row.close, ...market.closes])) : "";
    range.textContent = half ? `±${smallPercent(half)}` : "";
    const isUnusual = ratio !== null && ratio >= UNUSUAL;
    note.textContent = [state.name, isUnusual && `${grouped(ratio, 1)} × usual`, (row?.drift_alarms?.length ?? row?.drift_alarms) > 0 && "drift"].filter(Boolean).join(" · ");
    link.dataset.kind = state.kind;
    link.classList.toggle("unusual", isUnusual);
  }

  /** Put the entries in order, and show those that the search finds. */
  arrange(nowMs = performance.now()) {
    this.orderedAt = nowMs;
    const wanted = this.search.value.trim().toUpperCase();
    const key = KEYS[this.order.value];
    const symbols = this.store.symbols.map((symbol) => [key(this.store.market(symbol)), symbol]);
    symbols.sort(([a, one], [b, other]) => a - b || (one < other ? -1 : 1));
    this.shown = symbols.map(([, symbol]) => symbol).filter((symbol) => symbol.includes(wanted));
    const focused = document.activeElement;
    this.list.replaceChildren(...this.shown.map((symbol) => this.entry(symbol).item));
    if (this.list.contains(focused)) focused.focus();
    const all = symbols.length;
    this.count.textContent = this.shown.length === all ? `(${all})` : `(${this.shown.length} of ${all})`;
    this.choose(this.chosen);
  }

  /** Mark the chosen symbol. */
  choose(symbol) {
    this.entries.get(this.chosen)?.link.removeAttribute("aria-current");
    this.chosen = symbol;
    this.entries.get(symbol)?.link.setAttribute("aria-current", "true");
  }

  /** The symbol that is `step` further in the list as it is shown. */
  neighbour(step) {
    const shown = this.shown ?? [];
    return shown[Math.min(shown.length - 1, Math.max(0, shown.indexOf(this.chosen) + step))];
  }
}
