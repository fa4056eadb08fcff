// What this browser remembers of a person's choices. Where it may not store anything, the page works all the same and forgets.

const PREFIX = "volcast.";

/** What was remembered under a name, or `otherwise`. */
export function recall(name, otherwise = null) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Remember a value under a name; null forgets it. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is forbidden or full.
  }
}

/** All that was remembered under names that begin so, by the rest of the name. */
export function recallAll(prefix) {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + prefix));
    return new Map(names.map((name) => [name.slice((PREFIX + prefix).length), recall(name.slice(PREFIX.length))]));
  } catch {
    return new Map();
  }
}
