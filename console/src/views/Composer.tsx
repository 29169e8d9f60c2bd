import type { ChatFile, MessagePart } from "@chat-backend/client";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { size } from "../format";
import { useServices } from "../services";
import { Problem } from "./Problem";

interface Props {
  isRunning: boolean;
  onSend(parts: MessagePart[]): void;
  onStop(): void;
  children: ComponentChildren;
}

export function Composer({ isRunning, onSend, onStop, children }: Props) {
  const { client } = useServices();
  const [text, setText] = useState("");
  const [files, setFiles] = useState<ChatFile[]>([]);
  const [uploads, setUploads] = useState(0);
  const [error, setError] = useState<unknown>();
  const canSend = !isRunning && uploads === 0 && (text.trim() !== "" || files.length > 0);

  const attach = async (chosen: Iterable<File>) => {
    setError(undefined);
    for (const file of [...chosen]) {
      setUploads((count) => count + 1);
      try {
        const stored = await client.files.upload(file);
        setFiles((files) => [...files, stored]);
      } catch (problem) {
        setError(problem);
      }
      setUploads((count) => count - 1);
    }
  };
  const send = () => {
    if (!canSend) return;
    const attached = files.map(({ media_type, name, url }) => (
      { type: "file", mediaType: media_type, filename: name, url }
    ));
    onSend(text.trim() ? [...attached, { type: "text", text }] : attached);
    setText("");
    setFiles([]);
  };
  const sendOnEnter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <Problem error={error} />
      {(files.length > 0 || uploads > 0) && (
        <ul class="files" aria-label="Attached files">
          {files.map((file) => (
            <li key={file.id}>
              {file.name} ({size(file.size)})
              <button
                type="button" aria-label={`Remove ${file.name}`}
                onClick={() => setFiles(files.filter(({ id }) => id !== file.id))}
              >
                ✕
              </button>
            </li>
          ))}
          {uploads > 0 && <li><progress aria-label="Uploading" /></li>}
        </ul>
      )}
      <textarea
        aria-label="Message" placeholder="Message (Enter sends, Shift+Enter begins a line)" rows={2} value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={sendOnEnter}
        onPaste={(event) => void attach(event.clipboardData?.files ?? [])}
      />
      <div class="row">
        <label class="button file-button">
          Attach
          <input
            type="file" multiple class="hidden"
            onChange={({ currentTarget }) => {
              void attach(currentTarget.files ?? []);
              currentTarget.value = "";
            }}
          />
        </label>
        {children}
        {isRunning
          ? <button type="button" class="danger" onClick={onStop}>Stop</button>
          : <button class="primary" disabled={!canSend}>Send</button>}
      </div>
    </form>
  );
}
