// Alerts that are set on the page, one for each symbol: a banner and, where it is allowed, a notification of the browser. They work as
// long as the page is open, and only on numbers of now. Rules are remembered in this browser.

import { moment } from "./format.js";
import { recall, recallAll, remember } from "./memory.js";
import { COOL_DOWN_MS, QUANTITIES, firstThreshold, isMet, isOfNow, isRule, ruleText, sentenceOf, valueOf } from "./rules.js";
import { ask } from "./stream.js";
import { stateOf } from "./words.js";

const MAX_SHOWN = 5;
const PREFIX = "alert.";
const byId = (id) => document.getElementById(id);

/** The rules, by symbol, and whether each is due. `say(symbol, sentence, row)` is called once for each alert. */
export class Alerts {
  constructor(say) {
    this.say = say;
    this.load();
    this.asked = new Set();
    addEventListener("storage", () => this.load()); // another window of this browser has changed a rule
  }

  load() {
    this.rules = new Map([...recallAll(PREFIX)].filter(([, rule]) => isRule(rule)));
  }

  /** Set the rule of a symbol; null removes it. */
  set(symbol, rule) {
    if (rule === null) this.rules.delete(symbol);
    else this.rules.set(symbol, { isArmed: true, firedMs: null, ...rule });
    remember(PREFIX + symbol, this.rules.get(symbol) ?? null);
  }

  keep(symbol, rule, changes) {
    Object.assign(rule, changes);
    remember(PREFIX + symbol, rule);
  }

  /**
   * Take in a new row; `nowMs` is the time by the server's clock. An alert comes when the rule is met for the first time, and not again
   * before it has been unmet in between and a quarter of an hour has passed. Before it comes, the API is asked whether the row is of now.
   */
  async take(row, nowMs) {
    const { symbol } = row;
    const rule = this.rules.get(symbol);
    if (!rule) return;
    const value = valueOf(rule, row);
    if (!isMet(rule, value)) {
      if (value !== null && !rule.isArmed) this.keep(symbol, rule, { isArmed: true });
      return;
    }
    const isPast = nowMs === null || nowMs - row.open_time_ms > 2 * COOL_DOWN_MS; // a replay: nothing to ask the API about
    if (!rule.isArmed || isPast || this.asked.has(symbol) || row.open_time_ms - rule.firedMs < COOL_DOWN_MS) return;
    this.asked.add(symbol);
    try {
      const latest = await ask(`latest/${encodeURIComponent(symbol)}`, 5_000);
      const elsewhere = recall(PREFIX + symbol); // another window of this browser may have been faster
      if (this.rules.get(symbol) !== rule || !isOfNow(latest, row)) return;
      const isNews = !(elsewhere?.firedMs > rule.firedMs);
      this.keep(symbol, rule, { isArmed: false, firedMs: row.open_time_ms });
      if (isNews) this.say(symbol, sentenceOf(rule, value), row);
    } catch {
      // Without an answer nobody knows whether the row is of now. The next row tries again.
    } finally {
      this.asked.delete(symbol);
    }
  }
}

/** Whether this browser can notify: "granted", "denied", "default" (it has to be asked), or "unsupported". */
function permission() {
  return "Notification" in window && isSecureContext ? Notification.permission : "unsupported";
}

const PERMISSIONS = {
  granted: "Alerts also come as notifications of the browser.",
  denied: "The browser forbids notifications for this page: alerts are shown on it only.",
  unsupported: "Notifications need https or this machine's own address: alerts are shown on the page only.",
};

/** The form for the rule of the chosen symbol, and the banner. `shown()` returns {symbol, row, status, nowMs, isLocal}. */
export class AlertPanel {
  constructor(shown) {
    this.shown = shown;
    this.alerts = new Alerts((symbol, sentence, row) => this.announce(symbol, sentence, row));
    byId("alert-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.set();
    });
    byId("alert-quantity").addEventListener("change", () => this.begin(byId("alert-quantity").value));
    byId("alert-off").addEventListener("click", () => {
      this.alerts.set(this.symbol, null);
      this.draw();
    });
    this.permission = permission();
    addEventListener("focus", () => (this.permission = permission())); // it may have been changed in the browser's settings
    byId("alert-permit").addEventListener("click", async () => {
      await Notification.requestPermission();
      this.permission = permission();
      this.draw();
    });
  }

  take(row, nowMs) {
    this.alerts.take(row, nowMs);
  }

  /** Fill in the form for a quantity. */
  begin(quantity) {
    const { row } = this.shown();
    const { unit, of } = QUANTITIES[quantity];
    byId("alert-quantity").value = quantity;
    byId("alert-threshold").hidden = unit === null;
    byId("alert-unit").textContent = unit ?? "";
    if (unit !== null) byId("alert-value").value = String(firstThreshold(quantity, row && of(row)));
  }

  set() {
    const { symbol, row, nowMs } = this.shown();
    const rule = {
      quantity: byId("alert-quantity").value,
      isAbove: byId("alert-side").value === "above",
      threshold: byId("alert-value").valueAsNumber,
      horizon: row.horizon_minutes,
    };
    this.problem = isRule(rule) ? null : "Enter a number above 0.";
    if (!this.problem) {
      this.alerts.set(symbol, rule);
      this.alerts.take(this.shown().own, nowMs);
    }
    this.draw();
  }

  /** Show the rule of the symbol that is chosen, and what the quantity is now. */
  draw() {
    const { symbol, row, own, status } = this.shown();
    byId("alert").hidden = !row;
    if (!row) return;
    const rule = this.alerts.rules.get(symbol);
    const names = Object.keys(QUANTITIES).filter((name) => QUANTITIES[name].unit === null || QUANTITIES[name].of(row) !== null || rule?.quantity === name);
    const offered = [symbol, row.horizon_minutes, ...names].join();
    if (offered !== this.offered) {
      Object.assign(this, { symbol, offered, problem: null });
      const options = names.map((name) => new Option(QUANTITIES[name].text({ horizon: row.horizon_minutes }), name));
      byId("alert-quantity").replaceChildren(...options);
      this.begin(rule?.quantity ?? names[0]);
      byId("alert-side").value = rule && !rule.isAbove ? "below" : "above";
      if (rule?.threshold) byId("alert-value").value = String(rule.threshold);
    }
    say("alert-title", `Alert for ${symbol}`);
    byId("alert-off").hidden = !rule;
    say("alert-state", this.problem ?? (rule ? `Set: ${ruleText(rule)}.` : "None is set."));
    say("alert-now", rule ? this.now(rule, own, status) : "");
    byId("alert-permit").hidden = this.permission !== "default" || !this.alerts.rules.size;
    say("alert-permission", PERMISSIONS[this.permission] ?? "");
  }

  /** What the quantity of a rule is now, and whether an alert can come. */
  now(rule, row, status) {
    const value = valueOf(rule, row);
    const isEvent = QUANTITIES[rule.quantity].unit === null;
    const current = isEvent ? "" : value === null ? "That is not known at present. " : `Now ${sentenceOf(rule, value)}. `;
    return current + (status === "ok" ? "" : `No alert comes while the state is: ${stateOf(status).name}.`);
  }

  announce(symbol, sentence, row) {
    const { isLocal, nowMs } = this.shown();
    const item = document.createElement("p");
    const link = document.createElement("a");
    link.href = `#${symbol}`;
    link.textContent = symbol;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Dismiss";
    close.addEventListener("click", () => item.remove());
    const at = moment(row.open_time_ms + 60_000, isLocal, nowMs ?? row.open_time_ms);
    item.append(link, ` at ${at}: ${sentence}. `, close);
    const banner = byId("alert-banner");
    banner.prepend(item);
    while (banner.children.length > MAX_SHOWN) banner.lastChild.remove();
    if (permission() !== "granted") return;
    try {
      const notification = new Notification(`${symbol}: ${sentence}`, { body: `volcast, ${at}`, tag: `volcast ${symbol}` });
      notification.addEventListener("click", () => {
        window.focus();
        location.hash = symbol;
      });
    } catch {
      // Some phones allow notifications to installed pages only. The banner is there.
    }
  }
}

function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}
