// Colours from the style sheet, so that the canvas follows light and dark as the rest of the page does.

const NAMES = [
  ...["text", "muted", "grid", "panel", "up", "down", "mean", "signal", "ahead", "ahead-fill", "held", "held-fill"],
  ...["missed", "missed-fill", "unknown", "forecast", "interval-fill", "realized", "gap", "alarm", "skill", "skill-fill"],
];

export function colors() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name.replace(/-(.)/, (_, each) => each.toUpperCase()), style.getPropertyValue(`--${name}`).trim()]));
}

/** Call `changed` whenever the system switches between light and dark. */
export function onThemeChange(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

/**
 * On paper all is light, and the chart is a picture of itself in `place`, because it cannot be laid out anew for the width of a page.
 * `caption()` says of when it is.
 */
export function onPaper(chart, place, caption) {
  const set = (isPrinting) => {
    document.documentElement.classList.toggle("printing", isPrinting);
    chart.recolor();
    place.replaceChildren(...(isPrinting ? [caption(), chart.picture()] : []));
  };
  addEventListener("beforeprint", () => set(true));
  addEventListener("afterprint", () => set(false));
}
