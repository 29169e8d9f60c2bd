import type { ScriptRun } from "@chat-backend/client";
import { duration } from "../format";

export function RunResult({ run }: { run: ScriptRun }) {
  return (
    <section class="run" aria-label="Result" aria-live="polite">
      <h2>
        <span class={run.status === "ok" ? "good" : "bad"}>{run.status.replaceAll("_", " ")}</span>{" "}
        <small>{duration(run.duration_ms)}</small>
      </h2>
      {run.error && <p class="problem">{run.error.message}{run.error.line && ` (line ${run.error.line})`}</p>}
      {run.error?.traceback && <Output label="Traceback" text={run.error.traceback} />}
      {run.result !== null && <Output label="Result" text={JSON.stringify(run.result, null, 2)} />}
      <Output label="Output" text={run.stdout} />
      <Output label="Errors" text={run.stderr} />
      {run.truncated && <p class="small">The output was cut off at its limit.</p>}
      {run.files.length > 0 && <p>Files written: {run.files.map((file) => file.name).join(", ")}</p>}
    </section>
  );
}

function Output({ label, text }: { label: string; text: string }) {
  if (text === "") return null;
  return (
    <figure>
      <figcaption>{label}</figcaption>
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}
