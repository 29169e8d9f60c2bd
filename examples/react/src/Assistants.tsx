import type { Assistant } from "@chat-backend/client";

interface Props {
  assistants: Assistant[];
  chosen: Assistant | undefined;
  /** Undefined where the chat has an assistant already. */
  choose: ((id: string) => void) | undefined;
  onSend(text: string): void;
}

/** An empty chat: who answers, and what could be asked. */
export function Assistants({ assistants, chosen, choose, onSend }: Props) {
  return (
    <>
      {choose && (
        <label>
          Assistant{" "}
          <select value={chosen?.id ?? ""} onChange={(event) => choose(event.target.value)}>
            <option value="">None</option>
            {assistants.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </select>
        </label>
      )}
      {chosen && (
        <section aria-label="Suggestions">
          <h2>{chosen.name}</h2>
          <p>{chosen.description}</p>
          {chosen.suggestions.map((text) => <button key={text} onClick={() => onSend(text)}>{text}</button>)}
        </section>
      )}
    </>
  );
}
