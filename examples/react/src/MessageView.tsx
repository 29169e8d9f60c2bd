import type { UIMessage } from "ai";
import { useState } from "react";
import Markdown from "react-markdown";

interface Props {
  message: UIMessage;
  isBusy: boolean;
  onEdit(text: string): void;
  onRegenerate(): void;
}

export function MessageView({ message, isBusy, onEdit, onRegenerate }: Props) {
  const [isEditing, setEditing] = useState(false);
  const isUser = message.role === "user";
  if (isEditing) {
    const save = (form: FormData) => {
      setEditing(false);
      onEdit(String(form.get("text")));
    };
    return (
      <form action={save}>
        <textarea name="text" aria-label="Edit" defaultValue={textOf(message)} required />
        <button>Save and ask again</button>
      </form>
    );
  }
  return (
    <article className={message.role} aria-label={isUser ? "You" : "Assistant"}>
      {message.parts.map((part, index) => <Part key={index} part={part} />)}
      {!isBusy && isUser && <button onClick={() => setEditing(true)}>Edit</button>}
      {!isBusy && !isUser && <button onClick={onRegenerate}>Regenerate</button>}
    </article>
  );
}

function Part({ part }: { part: UIMessage["parts"][number] }) {
  if (part.type === "text") return <Markdown>{part.text}</Markdown>;
  if (part.type === "reasoning") return <details><summary>Reasoning</summary>{part.text}</details>;
  if (part.type === "file") return <a href={part.url}>{part.filename ?? "File"}</a>;
  if (part.type.startsWith("tool-")) return <pre>{JSON.stringify(part, null, 2)}</pre>;
  return null;
}

function textOf(message: UIMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
