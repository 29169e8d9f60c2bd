import type { Chat } from "@chat-backend/client";
import { useRef, useState } from "preact/hooks";
import { useServices } from "../services";
import { Problem } from "./Problem";

interface Props {
  chat: Chat;
  /** The name of who answers. */
  assistant: string | undefined;
  onChange(): void;
}

export function ChatHeader({ chat, assistant, onChange }: Props) {
  const { client } = useServices();
  const renaming = useRef<HTMLDialogElement>(null);
  const deleting = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<unknown>();

  const change = (action: () => Promise<unknown>) => async () => {
    try {
      await action();
      setError(undefined);
      onChange();
    } catch (problem) {
      setError(problem);
    }
  };
  const rename = (event: SubmitEvent) => {
    const title = new FormData(event.currentTarget as HTMLFormElement).get("title");
    return change(() => client.chats.update(chat.id, { title: String(title) }))();
  };
  const remove = change(async () => {
    await client.chats.delete(chat.id);
    location.hash = "#/";
  });

  return (
    <header class="chat-header">
      <div>
        <h1>{chat.title}</h1>
        {assistant !== undefined && <span class="small">Assistant: {assistant}</span>}
      </div>
      <div class="row">
        <button
          aria-pressed={chat.is_bookmarked}
          onClick={change(() => client.chats.bookmark(chat.id, !chat.is_bookmarked))}
        >
          {chat.is_bookmarked ? "★" : "☆"} Bookmark
        </button>
        <button
          aria-pressed={chat.is_archived}
          onClick={change(() => client.chats.archive(chat.id, !chat.is_archived))}
        >
          {chat.is_archived ? "Archived" : "Archive"}
        </button>
        <button onClick={() => renaming.current?.showModal()}>Rename</button>
        <button onClick={() => deleting.current?.showModal()}>Delete</button>
      </div>
      <Problem error={error} />

      <dialog ref={renaming} aria-label="Rename the chat">
        <form method="dialog" onSubmit={rename}>
          <label>Title <input name="title" defaultValue={chat.title} maxLength={200} required /></label>
          <div class="row">
            <button class="primary">Rename</button>
            <button type="button" onClick={() => renaming.current?.close()}>Cancel</button>
          </div>
        </form>
      </dialog>
      <dialog ref={deleting} aria-label="Delete the chat">
        <p>Delete “{chat.title}” with its messages? This cannot be undone.</p>
        <form method="dialog" class="row">
          <button class="danger" onClick={remove}>Delete</button>
          <button>Cancel</button>
        </form>
      </dialog>
    </header>
  );
}
