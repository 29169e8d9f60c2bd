import type { FileUIPart } from "ai";
import { useState, type KeyboardEvent } from "react";
import { client } from "./backend";

interface Props {
  isBusy: boolean;
  onSend(text: string, files: FileUIPart[]): void;
  onStop(): void;
}

export function Composer({ isBusy, onSend, onStop }: Props) {
  const [problem, setProblem] = useState("");
  const send = async (form: FormData) => {
    try {
      const files = form.getAll("files").filter((file) => file instanceof File && file.size > 0);
      onSend(String(form.get("text")), await Promise.all(files.map((file) => upload(file as File))));
      setProblem("");
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form className="composer" action={send}>
      <textarea name="text" aria-label="Message" required onKeyDown={sendOnEnter} />
      <input name="files" type="file" aria-label="Attach files" multiple />
      {isBusy ? <button type="button" onClick={onStop}>Stop</button> : <button>Send</button>}
      <p role="alert">{problem}</p>
    </form>
  );
}

/** Shift and Enter make a new line, and so does Enter while an input method composes a character. */
function sendOnEnter(event: KeyboardEvent<HTMLTextAreaElement>) {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
}

/** Files are stored first and attached by their address. */
async function upload(chosen: File): Promise<FileUIPart> {
  const { media_type, name, url } = await client.files.upload(chosen);
  if (url === null) throw new Error(`${name} cannot be attached.`);
  return { type: "file", mediaType: media_type, filename: name, url };
}
