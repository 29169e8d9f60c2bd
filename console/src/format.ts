// Numbers, costs and times for people.
const number = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD" });
const fractions = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 2,
});
const seconds = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export const count = (value: number) => number.format(value);
export const short = (value: number) => compact.format(value);

/** A cost; `null` is one that is not known, which is not nothing. */
export function cost(usd: number | null): string {
  if (usd === null) return "price unknown";
  return usd !== 0 && usd < 0.1 ? fractions.format(usd) : cents.format(usd);
}

export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return "–";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${seconds.format(milliseconds / 1000)} s`;
}

export function size(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
  return `${bytes.format(value / 1024 ** power)} ${units[power]}`;
}

export const time = (iso: string) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
