import type { Decision } from "@chat-backend/client";
import type { Shown } from "../conversation";
import { isTool, type ToolPart } from "../parts";

interface Props {
  message: Shown;
  onDecide(approval: string, decision: Decision): void;
}

/** The calls of an answer that wait for the person's decision. */
export function Questions({ message, onDecide }: Props) {
  const waiting = message.parts.filter(isTool).filter((part) => part.state === "approval-requested");
  return <>{waiting.map((part) => <Question key={part.toolCallId} part={part} onDecide={onDecide} />)}</>;
}

function Question({ part, onDecide }: { part: ToolPart; onDecide: Props["onDecide"] }) {
  const shown = part.callProviderMetadata?.["chat-backend"]?.approval;
  const id = part.approval?.id ?? part.toolCallId;
  const name = shown?.title ?? part.type.slice("tool-".length);
  const digest = shown?.digest === undefined ? {} : { digest: shown.digest };
  return (
    <section class="step question" aria-label={`May ${name} run?`}>
      <p>
        <strong>May {name} run?</strong>
        {shown?.target && <> It runs at {shown.target}.</>} {shown?.reason}
      </p>
      <pre tabIndex={0}>{JSON.stringify(part.input, null, 2)}</pre>
      <div class="row">
        <button class="primary" onClick={() => onDecide(id, { approved: true, ...digest })}>Approve</button>
        {shown?.mayRemember && (
          <button onClick={() => onDecide(id, { approved: true, remember: "chat", ...digest })}>
            Approve in this chat
          </button>
        )}
        <button onClick={() => onDecide(id, { approved: false })}>Deny</button>
      </div>
      {shown && <p class="small">Until {new Date(shown.expiresAt).toLocaleString()}</p>}
    </section>
  );
}
