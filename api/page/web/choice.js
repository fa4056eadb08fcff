// What a person has chosen to see: which panes the chart has. It is remembered in this browser.

import { recall, remember } from "./memory.js";

const NARROW = 700; // pixels: on a phone the price gets the room, until somebody asks for more

/** Buttons that show and hide panes of the chart. */
export class PaneChoice {
  constructor(buttons, chart) {
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
}
