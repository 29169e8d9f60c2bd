// Remembers the requests to the API, to show them as curl and fetch.
import { signal } from "./signal";

export interface SentRequest {
  id: number;
  /** Counts what the user did: requests with the same number have the same cause. */
  action: number;
  method: string;
  url: string;
  /** JSON text; undefined if there was none or it was a form. */
  body: string | undefined;
  isForm: boolean;
  /** 0 until the server has answered. */
  status: number;
  milliseconds: number;
}

const KEPT = 30;
let count = 0;
let action = 0;

for (const event of ["click", "change", "submit", "keydown"]) {
  addEventListener(event, () => (action += 1), { capture: true });
}

/** The newest requests, newest first. */
export const requests = signal<SentRequest[]>([]);

/** `fetch` that remembers. */
export async function recordedFetch(request: Request): Promise<Response> {
  const sent = await describe(request);
  requests.set([sent, ...requests.get()].slice(0, KEPT));
  const start = performance.now();
  const end = (status: number) => {
    const milliseconds = Math.round(performance.now() - start);
    const replace = (other: SentRequest) => (other.id === sent.id ? { ...other, status, milliseconds } : other);
    requests.set(requests.get().map(replace));
  };
  const response = await fetch(request);
  end(response.status);
  return response;
}

async function describe(request: Request): Promise<SentRequest> {
  const isForm = request.headers.get("content-type")?.startsWith("multipart/") ?? false;
  const body = isForm || request.body === null ? undefined : await request.clone().text();
  const { method, url } = request;
  return { id: ++count, action, method, url, body, isForm, status: 0, milliseconds: 0 };
}

/** The request for a shell in which TOKEN is the access token. */
export function asCurl({ method, url, body, isForm }: SentRequest): string {
  const lines = [`curl ${quote(url)}`, `-H "authorization: Bearer $TOKEN"`];
  if (isForm) lines.push("-F file=@your-file");
  else if (body !== undefined) lines.push("-H 'content-type: application/json'", `-d ${quote(body)}`);
  const implied = body === undefined && !isForm ? "GET" : "POST";
  if (method !== implied) lines.splice(1, 0, `-X ${method}`);
  return lines.join(" \\\n  ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The request for a page in which `token` is the access token. */
export function asFetch({ method, url, body, isForm }: SentRequest): string {
  const isJson = body !== undefined && !isForm;
  const lines = [`await fetch(${JSON.stringify(url)}, {`];
  if (method !== "GET") lines.push(`  method: "${method}",`);
  lines.push("  headers: {", "    Authorization: `Bearer ${token}`,");
  if (isJson) lines.push('    "Content-Type": "application/json",');
  lines.push("  },");
  if (isForm) lines.push("  body: form, // a FormData with `file`");
  if (isJson) lines.push(`  body: JSON.stringify(${indented(body)}),`);
  return [...lines, "})"].join("\n");
}

function indented(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2).replaceAll("\n", "\n  ");
}
