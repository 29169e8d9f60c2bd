// The server, called as the person who is signed in.
import { createClient } from "@supabase/supabase-js";

const env = import.meta.env;
export const API_URL: string = env.VITE_API_URL ?? "http://127.0.0.1:8000";

export const supabase = createClient(
  env.VITE_SUPABASE_URL ?? "http://127.0.0.1:54321",
  env.VITE_SUPABASE_KEY ?? "sb_publishable_local",
);

/** The header that says who calls. supabase-js renews the token. */
export async function authorization(): Promise<Record<string, string>> {
  const { data } = await supabase.auth.getSession();
  return data.session ? { Authorization: `Bearer ${data.session.access_token}` } : {};
}

export async function request(path: string, method = "GET", body?: unknown): Promise<Response> {
  return checkedFetch(API_URL + path, {
    method,
    headers: { "Content-Type": "application/json", ...(await authorization()) },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

/** A fetch whose errors are sentences for people. */
export const checkedFetch: typeof fetch = async (...call) => {
  const response = await fetch(...call);
  if (!response.ok) {
    const problem = await response.json().catch(() => undefined);
    throw new Error(problem?.detail ?? `The server answered ${response.status}.`);
  }
  return response;
};

/** The address of the next page of a list. */
export function nextPage(response: Response): string | undefined {
  return /<([^>]*)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
}
