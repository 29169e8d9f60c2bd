import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, Tooltip } from "chart.js";
import { useEffect, useRef } from "preact/hooks";
import { useDarkScheme } from "../scheme";
import type { Series } from "../usage";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Legend, Tooltip);

/** Told apart by people who do not see all colours, on light and on dark. */
const COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#999999"];

interface Props extends Series {
  title: string;
  format(value: number): string;
  isStacked?: boolean;
}

/** Bars, and the same numbers as a table for who cannot see them. */
export function BarChart({ title, labels, groups, format, isStacked = true }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useDarkScheme();
  useEffect(() => {
    if (!canvas.current) return;
    const text = isDark ? "#d6d6e0" : "#33333d";
    const grid = { color: isDark ? "#3a3a48" : "#e3e3ea" };
    const datasets = groups.map(({ name, values }, index) => (
      { label: name, data: values, backgroundColor: COLOURS[index % COLOURS.length], maxBarThickness: 40 }
    ));
    const chart = new Chart(canvas.current, {
      type: "bar",
      data: { labels, datasets },
      options: {
        animation: false,
        maintainAspectRatio: false,
        color: text,
        scales: {
          x: { stacked: isStacked, ticks: { color: text }, grid: { display: false } },
          y: { stacked: isStacked, beginAtZero: true, grid, ticks: {
            color: text, maxTicksLimit: 6, callback: (value) => format(Number(value)),
          } },
        },
        plugins: { tooltip: { callbacks: {
          label: ({ dataset, parsed }) => `${dataset.label}: ${format(parsed.y ?? 0)}`,
        } } },
      },
    });
    return () => chart.destroy();
  }, [labels, groups, isDark, isStacked]);

  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div class="canvas"><canvas ref={canvas} role="img" aria-label={`${title}; the table below has the numbers`} /></div>
      <details>
        <summary>Table</summary>
        <div class="table" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead><tr><th scope="col">{title}</th>{groups.map(({ name }) => <th key={name} scope="col">{name}</th>)}</tr></thead>
            <tbody>
              {labels.map((label, row) => (
                <tr key={row}>
                  <th scope="row">{label}</th>
                  {groups.map(({ name, values }) => <td key={name}>{format(values[row] ?? 0)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
