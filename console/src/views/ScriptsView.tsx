import type { ScriptRun } from "@chat-backend/client";
import { useState } from "preact/hooks";
import { usePages } from "../loading";
import { useServices } from "../services";
import { FilesSection } from "./FilesSection";
import { RunResult } from "./RunResult";
import { RunsSection } from "./RunsSection";
import { ScriptForm, type Script } from "./ScriptForm";

const EXAMPLE: Script = {
  language: "javascript",
  code: "const rows = input.map((n) => n * 2)\nconsole.log(`${rows.length} rows`)\nrows",
  input: "[1, 2, 3]",
  files: [],
};

export function ScriptsView() {
  const { client } = useServices();
  const [script, setScript] = useState(EXAMPLE);
  const [run, setRun] = useState<ScriptRun>();
  const files = usePages((cursor) => client.files.list(cursor ? { cursor } : {}), [client]);
  const runs = usePages((cursor) => client.scripts.list({ limit: 10, ...(cursor && { cursor }) }), [client]);

  const ended = (run: ScriptRun) => {
    setRun(run);
    void runs.reload();
    void files.reload();
  };
  const open = async (id: string) => {
    const { code, input, language, ...stored } = await client.scripts.get(id);
    setScript({ code, language, input: input === null ? "" : JSON.stringify(input), files: [] });
    setRun({ ...stored, language });
  };

  return (
    <section class="view" aria-labelledby="scripts-title">
      <h1 id="scripts-title">Scripts and files</h1>
      <div class="columns">
        <div>
          <ScriptForm script={script} files={files.items} onChange={setScript} onEnd={ended} />
          {run && <RunResult run={run} />}
        </div>
        <div>
          <FilesSection files={files} />
          <RunsSection runs={runs} onOpen={open} />
        </div>
      </div>
    </section>
  );
}
