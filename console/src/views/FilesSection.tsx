import type { ChatFile } from "@chat-backend/client";
import { useState } from "preact/hooks";
import { size } from "../format";
import type { Pages } from "../loading";
import { useServices } from "../services";
import { Problem } from "./Problem";

export function FilesSection({ files }: { files: Pages<ChatFile> }) {
  const { client } = useServices();
  const [error, setError] = useState<unknown>();
  const change = async (action: () => Promise<unknown>) => {
    try {
      await action();
      setError(undefined);
    } catch (problem) {
      setError(problem);
    }
    await files.reload();
  };
  const upload = (chosen: File[]) => change(async () => {
    for (const file of chosen) await client.files.upload(file);
  });

  return (
    <section aria-labelledby="files-title">
      <h2 id="files-title">Files</h2>
      <label class="button file-button">
        Upload
        <input
          type="file" multiple class="hidden"
          onChange={({ currentTarget }) => {
            void upload([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
      </label>
      <Problem error={error ?? files.error} />
      <ul class="entries">
        {files.items.map((file) => (
          <li key={file.id}>
            <a href={file.url ?? undefined} target="_blank" rel="noopener noreferrer">{file.name}</a>
            <span class="small">{size(file.size)}</span>
            <button aria-label={`Delete ${file.name}`} onClick={() => change(() => client.files.delete(file.id))}>
              Delete
            </button>
          </li>
        ))}
      </ul>
      {files.more && <button onClick={files.more}>More files</button>}
    </section>
  );
}
