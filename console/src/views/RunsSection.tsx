import type { ScriptRunSummary } from "@chat-backend/client";
import { duration, time } from "../format";
import type { Pages } from "../loading";
import { Problem } from "./Problem";

interface Props {
  runs: Pages<ScriptRunSummary>;
  onOpen(id: string): void;
}

export function RunsSection({ runs, onOpen }: Props) {
  return (
    <section aria-labelledby="runs-title">
      <h2 id="runs-title">Earlier runs</h2>
      <Problem error={runs.error} retry={runs.reload} />
      <ul class="entries">
        {runs.items.map((run) => (
          <li key={run.id}>
            <button class="link" onClick={() => onOpen(run.id)}>{time(run.created_at)}</button>
            <span class={run.status === "ok" ? "good" : "bad"}>{run.status.replaceAll("_", " ")}</span>
            <span class="small">{run.language}, {duration(run.duration_ms)}</span>
          </li>
        ))}
      </ul>
      {runs.more && <button onClick={runs.more}>More runs</button>}
    </section>
  );
}
