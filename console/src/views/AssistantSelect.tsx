import type { Assistant } from "@chat-backend/client";
import type { Loaded } from "../loading";
import { Problem } from "./Problem";

interface Props {
  assistants: Loaded<Assistant[]>;
  chosen: string | undefined;
  /** Nothing else answers. */
  isNeeded: boolean;
  onChange(id: string | undefined): void;
}

/** Who answers in a new chat; nothing where there is no choice. */
export function AssistantSelect({ assistants, chosen, isNeeded, onChange }: Props) {
  return (
    <>
      <Problem error={assistants.error} retry={assistants.reload} />
      {assistants.value !== undefined && assistants.value.length > 0 && (
        <select
          class="model" aria-label="Assistant" value={chosen ?? ""}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        >
          {!isNeeded && <option value="">No assistant</option>}
          {assistants.value.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      )}
    </>
  );
}
