import type { Shown } from "../conversation";

/** Leads to the other versions of a message: it was edited, or the answer generated again. */
export function Versions({ message, onSelect }: { message: Shown; onSelect(id: string): void }) {
  const versions = message.sibling_ids ?? [];
  if (versions.length < 2) return null;
  const place = versions.indexOf(message.id);
  const step = (label: string, sign: string, id: string | undefined) => (
    <button aria-label={label} disabled={id === undefined} onClick={() => id && onSelect(id)}>{sign}</button>
  );
  return (
    <span class="versions" role="group" aria-label="Versions">
      {step("Earlier version", "‹", versions[place - 1])}
      {place + 1} of {versions.length}
      {step("Later version", "›", versions[place + 1])}
    </span>
  );
}
