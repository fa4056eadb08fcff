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
