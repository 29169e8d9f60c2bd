import type { MessagePart } from "@chat-backend/client";
import { useMemo } from "preact/hooks";
import { toHtml } from "../markdown";
import { isFile, isSource, isText, isTool, type FilePart, type ToolPart } from "../parts";

/** A piece of a message. Kinds that are not known show nothing. */
export function PartView({ part }: { part: MessagePart }) {
  if (isText(part)) return part.type === "reasoning" ? <Reasoning text={part.text} /> : <Markdown text={part.text} />;
  if (isTool(part)) return <ToolCall part={part} />;
  if (isFile(part)) return <Attachment part={part} />;
  if (isSource(part)) return <span class="source">📖 {part.title}</span>;
  return null;
}

function Markdown({ text }: { text: string }) {
  const html = useMemo(() => ({ __html: toHtml(text) }), [text]);
  return <div class="markdown" dangerouslySetInnerHTML={html} />;
}

function Reasoning({ text }: { text: string }) {
  return (
    <details class="step">
      <summary>Reasoning</summary>
      <Markdown text={text} />
    </details>
  );
}

const STATES: Record<string, string> = {
  "input-streaming": "is being called",
  "input-available": "is running",
  "output-available": "done",
  "output-error": "failed",
  "approval-requested": "waits for a decision",
  "approval-responded": "has been decided on",
  "output-denied": "was refused",
};

function ToolCall({ part }: { part: ToolPart }) {
  return (
    <details class="step">
      <summary>Tool <code>{part.type.slice("tool-".length)}</code> {STATES[part.state] ?? part.state}</summary>
      {part.input !== undefined && <Json label="Input" value={part.input} />}
      {part.output !== undefined && <Json label="Output" value={part.output} />}
      {part.errorText !== undefined && <p class="problem">{part.errorText}</p>}
    </details>
  );
}

function Json({ label, value }: { label: string; value: unknown }) {
  return (
    <figure>
      <figcaption>{label}</figcaption>
      <pre tabIndex={0}>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>
    </figure>
  );
}

function Attachment({ part }: { part: FilePart }) {
  const name = part.filename ?? "File";
  return (
    <a class="attachment" href={part.url} target="_blank" rel="noopener noreferrer">
      {part.mediaType.startsWith("image/") ? <img src={part.url} alt={name} /> : <>📄 {name}</>}
    </a>
  );
}
