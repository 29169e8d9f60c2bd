import type { ChatFile, RunScript, ScriptRun } from "@chat-backend/client";
import { useState } from "preact/hooks";
import { v4 as uuid } from "uuid";
import { useLoaded } from "../loading";
import { useServices } from "../services";
import { Problem } from "./Problem";

export interface Script {
  language: NonNullable<RunScript["language"]>;
  code: string;
  /** JSON, or nothing. */
  input: string;
  /** IDs of the files that the script finds. */
  files: string[];
}

interface Props {
  script: Script;
  files: ChatFile[];
  onChange(script: Script): void;
  onEnd(run: ScriptRun): void;
}

export function ScriptForm({ script, files, onChange, onEnd }: Props) {
  const { client } = useServices();
  const capabilities = useLoaded(() => client.scripts.capabilities(), [client]);
  const [running, setRunning] = useState<string>();
  const [error, setError] = useState<unknown>();
  const languages = capabilities.value?.languages ?? [];
  const change = (part: Partial<Script>) => onChange({ ...script, ...part });

  const run = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    // With an id of its own the run can be cancelled.
    const id = uuid();
    setRunning(id);
    try {
      const { language, code, files } = script;
      const input = script.input.trim() === "" ? undefined : JSON.parse(script.input);
      onEnd(await client.scripts.run({ id, language, code, files, input }));
    } catch (problem) {
      setError(problem instanceof SyntaxError ? new Error(`The input is not JSON: ${problem.message}`) : problem);
    }
    setRunning(undefined);
  };

  return (
    <form class="script" onSubmit={run}>
      <label>
        Language{" "}
        <select
          value={script.language}
          onChange={(event) => change({ language: event.currentTarget.value as Script["language"] })}
        >
          {languages.map(({ language, version, available }) => (
            <option key={language} value={language} disabled={!available}>{language} {version}</option>
          ))}
        </select>
      </label>
      {languages.map(({ language, reason }) => reason && (
        <p key={language} class="small">{language} is not available: {reason}</p>
      ))}
      <label>
        Script
        <textarea
          class="code" rows={10} spellcheck={false} value={script.code} required
          onInput={(event) => change({ code: event.currentTarget.value })}
        />
      </label>
      <label>
        Input (JSON)
        <textarea
          class="code" rows={2} spellcheck={false} value={script.input}
          onInput={(event) => change({ input: event.currentTarget.value })}
        />
      </label>
      {files.length > 0 && <FileChoice files={files} chosen={script.files} onChange={(files) => change({ files })} />}
      <Problem error={error ?? capabilities.error} />
      <div class="row">
        <button class="primary" disabled={running !== undefined}>Run</button>
        {running !== undefined && (
          <button type="button" class="danger" onClick={() => client.scripts.delete(running).catch(setError)}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

interface ChoiceProps {
  files: ChatFile[];
  chosen: string[];
  onChange(chosen: string[]): void;
}

function FileChoice({ files, chosen, onChange }: ChoiceProps) {
  const toggle = (id: string) =>
    onChange(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <details>
      <summary>Files that the script finds ({chosen.length})</summary>
      <fieldset>
        <legend class="hidden">Files</legend>
        {files.map(({ id, name }) => (
          <label key={id}>
            <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} /> {name}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
