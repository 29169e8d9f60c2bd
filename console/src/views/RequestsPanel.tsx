import { asCurl, asFetch, requests, type SentRequest } from "../requests";
import { useServices } from "../services";
import { accessToken } from "../session";
import { useSignal } from "../signal";
import { CopyButton } from "./CopyButton";

/** What was done, newest first, each with its requests in their order. */
export function RequestsPanel({ close }: { close(): void }) {
  const { auth } = useServices();
  const sent = useSignal(requests);
  const actions = Object.values(Object.groupBy(sent, ({ action }) => action)).reverse();
  return (
    <aside class="requests" aria-label="Requests">
      <header class="row">
        <h2>Requests</h2>
        <span class="space" />
        <CopyButton label="Copy access token" text={async () => (await accessToken(auth)) ?? ""} />
        <button onClick={close}>Close</button>
      </header>
      <p class="small">
        What the page has asked the API for. In a shell, set <code>TOKEN</code> to the access token first.
      </p>
      {actions.map((requests = [], newest) => (
        <ul key={requests[0]?.action}>
          {requests.toReversed().map((request, index) => (
            <li key={request.id}><Entry request={request} isOpen={newest === 0 && index === 0} /></li>
          ))}
        </ul>
      ))}
    </aside>
  );
}

function Entry({ request, isOpen }: { request: SentRequest; isOpen: boolean }) {
  const { method, url, status, milliseconds } = request;
  const { pathname, search } = new URL(url);
  return (
    <details open={isOpen} class="request">
      <summary>
        <b>{method}</b> <span class="path">{pathname}{search}</span>{" "}
        <span class={status >= 400 ? "bad" : "good"}>{status || "…"}</span> {milliseconds} ms
      </summary>
      <Code title="curl" text={asCurl(request)} />
      <Code title="fetch" text={asFetch(request)} />
    </details>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <figure>
      <figcaption class="row"><span>{title}</span><span class="space" /><CopyButton text={() => text} /></figcaption>
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}
