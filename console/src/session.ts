// Signing in is Supabase's: the API only ever sees the access token.
import { AuthClient, type Session } from "@supabase/auth-js";
import { useEffect, useState } from "preact/hooks";
import type { Config } from "./config";

export type Auth = InstanceType<typeof AuthClient>;

export function createAuth({ supabase_url, supabase_key }: Config): Auth {
  return new AuthClient({
    url: `${supabase_url}/auth/v1`,
    headers: { apikey: supabase_key },
    storageKey: "chat-backend-console",
    autoRefreshToken: true,
    persistSession: true,
  });
}

/** The session, renewed by the client before it ends; undefined until it has been looked for. */
export function useSession(auth: Auth): Session | null | undefined {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    const { data } = auth.onAuthStateChange((_event, session) => setSession(session));
    return () => data.subscription.unsubscribe();
  }, [auth]);
  return session;
}

/** The access token that is valid now. */
export async function accessToken(auth: Auth): Promise<string | undefined> {
  const { data } = await auth.getSession();
  return data.session?.access_token;
}
