import type { Decision, MessagePart } from "@chat-backend/client";
import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import type { Shown } from "../conversation";
import { textOf } from "../parts";
import { CopyButton } from "./CopyButton";
import { Facts } from "./Facts";
import { Questions } from "./Questions";
import { PartView } from "./PartView";
import { Versions } from "./Versions";

interface Props {
  message: Shown;
  isRunning?: boolean;
  onEdit?: ((parts: MessagePart[]) => void) | undefined;
  onRegenerate?: (() => void) | undefined;
  onSelect?: ((id: string) => void) | undefined;
  onDecide?: ((approval: string, decision: Decision) => void) | undefined;
}

const STATUS: Record<string, string> = {
  stopped: "Stopped",
  failed: "Failed before its end",
  interrupted: "Interrupted by a restart",
  awaiting: "Waits for a tool of the page or a decision",
};

export function MessageView({ message, isRunning = false, onEdit, onRegenerate, onSelect, onDecide }: Props) {
  const [isEditing, setEditing] = useState(false);
  const isUser = message.role === "user";
  if (isEditing && onEdit) {
    return <Editor message={message} onSave={onEdit} close={() => setEditing(false)} />;
  }
  return (
    <article class={`message ${message.role}`} aria-label={isUser ? "You" : "Assistant"} aria-busy={isRunning}>
      {message.parts.map((part, index) => <Part key={index} part={part} />)}
      {message.status === "awaiting" && onDecide && <Questions message={message} onDecide={onDecide} />}
      {isRunning && <p class="writing" aria-hidden="true"><span /><span /><span /></p>}
      {message.status && STATUS[message.status] && <p class="small"><em>{STATUS[message.status]}</em></p>}
      {!isRunning && (
        <footer class="small">
          {!isUser && <Facts message={message} />}
          {onSelect && <Versions message={message} onSelect={onSelect} />}
          <CopyButton text={() => textOf(message.parts)} />
          {isUser && onEdit && <button onClick={() => setEditing(true)}>Edit</button>}
          {!isUser && onRegenerate && <button onClick={onRegenerate}>Regenerate</button>}
        </footer>
      )}
    </article>
  );
}

/** What has been written is not drawn again with each word that follows. */
const Part = memo(PartView);

interface EditorProps {
  message: Shown;
  onSave(parts: MessagePart[]): void;
  close(): void;
}

/** An edit replaces the text and keeps the files. */
function Editor({ message, onSave, close }: EditorProps) {
  const [text, setText] = useState(textOf(message.parts));
  const save = (event: Event) => {
    event.preventDefault();
    const others = message.parts.filter((part) => part.type !== "text");
    onSave([...others, { type: "text", text }]);
    close();
  };
  return (
    <form class="message user editor" onSubmit={save}>
      <textarea
        aria-label="Edit the message" value={text} rows={4} required autofocus
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="row">
        <button class="primary">Save and ask again</button>
        <button type="button" onClick={close}>Cancel</button>
      </div>
    </form>
  );
}
