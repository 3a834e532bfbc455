/** Numbers as people read them; the same in every locale, as figures in a paper are. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const MINUS = "−";

/** A whole number: 12,345. */
export function count(value: number): string {
  return COUNT.format(value);
}

/** A number with so many significant digits, without an exponent where it can be: 0.0123, 1,234. */
export function amount(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-4 || size >= 1e7)
      ? size.toExponential(digits - 1).replace("e+", "e")
      : new Intl.NumberFormat("en", {
          maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size + 1))),
          minimumSignificantDigits: size === 0 ? 1 : digits,
        }).format(size);
  return (value < 0 ? MINUS : "") + text.replace("e-", `e${MINUS}`);
}

/** The same with its sign always written. */
export function signed(value: number, digits = 3): string {
  return (value > 0 ? "+" : "") + amount(value, digits);
}

/** A score in as many digits as help, as a number field takes it. */
export function typed(value: number): string {
  if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e6)) return String(Number(value.toPrecision(4)));
  return value.toExponential(2).replace("e+", "e");
}

/** The same as people read it. */
export function scored(value: number): string {
  return Number.isNaN(value) ? "–" : typed(value).replaceAll("-", MINUS);
}

/** A share as a percentage: 12.3 %. */
export function percent(share: number, digits = 1): string {
  return Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits)} %`;
}

/** A time span: 8 s, 3 min 05 s, 2 h 10 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
