// Numbers and times as people read them. Pure: no clock, no document.

const THIN = "\u202f"; // narrow no-break space between thousands
const SPACE = "\u00a0"; // between a number and its unit
const MINUS = "\u2212";
const ROUNDING = 1e-9; // a smaller share is what additions have left of 0
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A number with `digits` decimals and its thousands apart. */
export function grouped(value, digits) {
  if (!Number.isFinite(value)) return "–";
  const [whole, decimals] = Math.abs(value).toFixed(digits).split(".");
  const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  const isZero = !/[1-9]/.test(whole + (decimals ?? ""));
  return (value < 0 && !isZero ? MINUS : "") + apart + (decimals ? `.${decimals}` : "");
}

/** How many decimals show a step of this size, at most 10. */
export function digitsOf(step) {
  return step > 0 && Number.isFinite(step) ? Math.min(10, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))) : 2;
}

/** How many decimals the prices themselves have, from some of them. */
export function digitsOfPrices(prices) {
  let most = 0;
  for (const each of prices) {
    const text = String(each);
    const [, exponent] = text.split("e-");
    most = Math.max(most, exponent ? Number(exponent) : (text.split(".")[1] ?? "").length);
  }
  return Math.min(most, 10);
}

/** How many decimals the bounds of a range need: its hundredth part is the last digit that says something. */
export function digitsOfRange(lower, upper) {
  return digitsOf((upper - lower) / 100);
}

/** A share as a percentage, such as 0.897 as "89.7 %". */
export function percent(share, digits = 1) {
  return Number.isFinite(share) ? `${grouped(share * 100, digits)}${THIN}%` : "–";
}

/** A small share as a percentage with two significant digits at least, such as 0.0051 as "0.51 %". */
export function smallPercent(share) {
  const size = Math.abs(share) < ROUNDING ? 0 : Math.abs(share) * 100;
  return percent(share, size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : digitsOf(size) + 1);
}

/** A time span, such as "8 s", "14 min", "3 h 20 min", "5 days". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole}${SPACE}s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes}${SPACE}min`;
  if (minutes < 1440) return minutes % 60 ? `${Math.floor(minutes / 60)}${SPACE}h ${minutes % 60}${SPACE}min` : `${minutes / 60}${SPACE}h`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours}${SPACE}h` : `${grouped(Math.round(hours / 24), 0)}${SPACE}days`;
}

/** A horizon as the next thing that comes: "hour", "15 minutes", "4 hours". */
export function horizonName(minutes) {
  if (minutes === 60) return "hour";
  if (minutes === 1440) return "day";
  if (minutes % 60 === 0) return `${minutes / 60} hours`;
  return minutes === 1 ? "minute" : `${minutes} minutes`;
}

/** The parts of a time in UTC or in the browser's own zone. */
export function parts(ms, isLocal) {
  const date = new Date(isLocal ? ms - new Date(ms).getTimezoneOffset() * 60_000 : ms);
  const two = (number) => String(number).padStart(2, "0");
  return {
    time: `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`,
    day: `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`,
    month: MONTHS[date.getUTCMonth()],
    year: String(date.getUTCFullYear()),
  };
}

/** The name of the zone in which times are shown at `ms`, such as "UTC" or "UTC+2". */
export function zoneName(ms, isLocal) {
  const minutes = isLocal ? -new Date(ms).getTimezoneOffset() : 0;
  if (!minutes) return "UTC";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? MINUS : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** Time of day and zone, with the date if it is not that of `nowMs`. */
export function moment(ms, isLocal, nowMs) {
  const then = parts(ms, isLocal);
  const now = parts(nowMs, isLocal);
  const date = then.year !== now.year ? `${then.day} ${then.year} ` : then.day !== now.day ? `${then.day} ` : "";
  return `${date}${then.time} ${zoneName(ms, isLocal)}`;
}
