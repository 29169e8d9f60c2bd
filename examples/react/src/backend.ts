// Supabase signs people in and renews their tokens; the API gets the token that is valid now.
import { createChatClient } from "@chat-backend/client";
import { createClient } from "@supabase/supabase-js";

const env = import.meta.env;

export const supabase = createClient(
  env.VITE_SUPABASE_URL ?? "http://127.0.0.1:54321",
  env.VITE_SUPABASE_KEY ?? "sb_publishable_local",
);

export const client = createChatClient({
  url: env.VITE_API_URL ?? "http://127.0.0.1:8000",
  token: async () => (await supabase.auth.getSession()).data.session?.access_token,
});
