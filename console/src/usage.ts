// The ranges of the usage view, and its series in the form of a chart.
import type { UsageReport } from "@chat-backend/client";

export const RANGES = {
  "24 hours": { days: 1, interval: "hour" },
  "7 days": { days: 7, interval: "day" },
  "30 days": { days: 30, interval: "day" },
  "12 weeks": { days: 84, interval: "week" },
  "12 months": { days: 365, interval: "month" },
} as const;

export type Range = keyof typeof RANGES;

/** The beginning of a range that ends now. */
export function beginning(range: Range): string {
  return new Date(Date.now() - RANGES[range].days * 86_400_000).toISOString();
}

export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const ZONES = Intl.supportedValuesOf("timeZone");

export interface Series {
  labels: string[];
  groups: { name: string; values: number[] }[];
}

/** One line of numbers for each group, bucket by bucket. */
export function seriesOf(report: UsageReport, field: "total_tokens" | "cost_usd"): Series {
  const labels = [...new Set(report.series.map(({ bucket }) => bucket))];
  const names = [...new Set(report.series.map(({ group }) => group ?? "all"))];
  const value = (name: string, label: string) => {
    const row = report.series.find(({ bucket, group }) => bucket === label && (group ?? "all") === name);
    return row?.[field] ?? 0;
  };
  const groups = names.map((name) => ({ name, values: labels.map((label) => value(name, label)) }));
  return { labels: labels.map((label) => shortTime(label, report.interval)), groups };
}

/** A bucket is its local start with its offset: the text already says what the calendar there says. */
function shortTime(bucket: string, interval: string): string {
  if (interval === "hour") return bucket.slice(11, 16);
  return interval === "month" ? bucket.slice(0, 7) : bucket.slice(5, 10);
}
