import { ProblemError } from "@chat-backend/client";

/** An error as a sentence. The server's `detail` is one; `code` and `request_id` are for who looks into it. */
export function Problem({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  if (error === undefined || error === null) return null;
  return (
    <div class="problem" role="alert">
      <p>{sentence(error)}</p>
      {error instanceof ProblemError && (
        <p class="small"><code>{error.code}</code> · request {error.requestId}</p>
      )}
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}

function sentence(error: unknown): string {
  if (error instanceof TypeError) return "The server cannot be reached. Is it running?";
  return error instanceof Error ? error.message : String(error);
}
