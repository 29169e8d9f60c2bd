import { isToolUIPart, type UIMessage } from "ai";
import { useState } from "react";
import Markdown from "react-markdown";

interface Props {
  message: UIMessage;
  isBusy: boolean;
  onEdit(text: string): void;
  onRegenerate(): void;
  /** A call of a tool that waits for the person. */
  onDecide(id: string, approved: boolean): void;
}

export function MessageView({ message, isBusy, onEdit, onRegenerate, onDecide }: Props) {
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
      {message.parts.map((part, index) => <Part key={index} part={part} onDecide={onDecide} />)}
      {!isBusy && isUser && <button onClick={() => setEditing(true)}>Edit</button>}
      {!isBusy && !isUser && <button onClick={onRegenerate}>Regenerate</button>}
    </article>
  );
}

function Part({ part, onDecide }: { part: UIMessage["parts"][number] } & Pick<Props, "onDecide">) {
  if (part.type === "text") return <Markdown>{part.text}</Markdown>;
  if (part.type === "reasoning") return <details><summary>Reasoning</summary>{part.text}</details>;
  if (part.type === "file") return <a href={part.url}>{part.filename ?? "File"}</a>;
  if (!isToolUIPart(part)) return null;
  const { id } = part.state === "approval-requested" ? part.approval : { id: undefined };
  return (
    <>
      <pre>{JSON.stringify(part, null, 2)}</pre>
      {id && <button onClick={() => onDecide(id, true)}>Allow</button>}
      {id && <button onClick={() => onDecide(id, false)}>Refuse</button>}
    </>
  );
}

function textOf(message: UIMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
