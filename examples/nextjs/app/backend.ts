// The browser talks to the server and to Supabase by itself: there are no API routes here.
import { createChatClient } from "@chat-backend/client";
import { createClient } from "@supabase/supabase-js";

export const supabase = createClient(
  process.env.NEXT_PUBLIC_SUPABASE_URL ?? "http://127.0.0.1:54321",
  process.env.NEXT_PUBLIC_SUPABASE_KEY ?? "sb_publishable_local",
);

export const client = createChatClient({
  url: process.env.NEXT_PUBLIC_API_URL ?? "http://127.0.0.1:8000",
  token: async () => (await supabase.auth.getSession()).data.session?.access_token,
});
