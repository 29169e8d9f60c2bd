import type { ChatStatistics, UsageReport } from "@chat-backend/client";
import { useState } from "preact/hooks";
import { cost, count, duration, short } from "../format";
import { useLoaded } from "../loading";
import { useServices } from "../services";
import { beginning, OWN_ZONE, RANGES, seriesOf, ZONES, type Range } from "../usage";
import { BarChart } from "./BarChart";
import { Problem } from "./Problem";

export function UsageView() {
  const { client } = useServices();
  const [range, setRange] = useState<Range>("30 days");
  const [zone, setZone] = useState(OWN_ZONE);
  const usage = useLoaded(async () => {
    const query = { from: beginning(range), time_zone: zone };
    const { interval } = RANGES[range];
    return Promise.all([client.usage({ ...query, interval, group_by: "model" }), client.statistics(query)]);
  }, [client, range, zone]);

  return (
    <section class="view" aria-labelledby="usage-title">
      <h1 id="usage-title">Usage</h1>
      <div class="row">
        <label>
          Range{" "}
          <select value={range} onChange={(event) => setRange(event.currentTarget.value as Range)}>
            {Object.keys(RANGES).map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        <label>
          Time zone{" "}
          <input
            list="zones" value={zone}
            onChange={({ currentTarget: { value } }) => setZone(value || OWN_ZONE)}
          />
        </label>
        <datalist id="zones">{ZONES.map((zone) => <option key={zone} value={zone} />)}</datalist>
      </div>
      <Problem error={usage.error} retry={usage.reload} />
      {usage.value && <Report usage={usage.value[0]} chats={usage.value[1]} />}
    </section>
  );
}

function Report({ usage, chats }: { usage: UsageReport; chats: ChatStatistics }) {
  const { totals, latency_ms, time_to_first_token_ms, daily_tokens } = usage;
  const days = chats.chats_by_day.map(({ date }) => date.slice(5));
  const counts = (rows: { count: number }[]) => rows.map(({ count }) => count);
  const { p50, p95, p99 } = latency_ms;
  const first = time_to_first_token_ms;
  return (
    <>
      <dl class="totals">
        <Total name="Answers" value={count(totals.requests)} />
        <Total name="Errors" value={count(totals.errors)} />
        <Total name="Tokens" value={short(totals.total_tokens)} />
        <Total name="Cost" value={cost(totals.cost_usd)} />
        {totals.unpriced_requests > 0 && <Total name="Without a price" value={count(totals.unpriced_requests)} />}
        <Total name="Chats" value={count(chats.total_chats)} />
        <Total name="Messages" value={count(chats.total_messages)} />
        {daily_tokens && <Total name="Tokens left today" value={count(daily_tokens.remaining)} />}
      </dl>
      <div class="charts">
        <BarChart title="Tokens by model" {...seriesOf(usage, "total_tokens")} format={short} />
        <BarChart title="Cost by model" {...seriesOf(usage, "cost_usd")} format={cost} />
        <BarChart
          title="Latency" isStacked={false} format={duration} labels={["half of them", "95 %", "99 %"]}
          groups={[
            { name: "whole answer", values: [p50, p95, p99].map((value) => value ?? 0) },
            { name: "first word", values: [first.p50, first.p95, first.p99].map((value) => value ?? 0) },
          ]}
        />
        <BarChart
          title="Chats and messages by day" isStacked={false} format={count} labels={days}
          groups={[
            { name: "chats", values: counts(chats.chats_by_day) },
            { name: "messages", values: counts(chats.messages_by_day) },
          ]}
        />
      </div>
    </>
  );
}

function Total({ name, value }: { name: string; value: string }) {
  return <div><dt>{name}</dt><dd>{value}</dd></div>;
}
