import type { Session } from "@supabase/supabase-js";
import { useEffect, useState } from "react";
import { supabase } from "./backend";
import { Chat } from "./Chat";
import { ChatList } from "./ChatList";
import { SignIn } from "./SignIn";

export function App() {
  const session = useSession();
  if (session === undefined) return null;
  return session ? <Chats key={session.user.id} /> : <SignIn />;
}

function Chats() {
  const [chatId, setChatId] = useChatId();
  // Counts answers that have ended: a chat's title and place in the list change with them.
  const [ended, setEnded] = useState(0);
  return (
    <div className="app">
      <nav>
        <button onClick={() => setChatId(crypto.randomUUID())}>New chat</button>
        <ChatList current={chatId} select={setChatId} ended={ended} />
        <button onClick={() => supabase.auth.signOut()}>Sign out</button>
      </nav>
      <Chat key={chatId} chatId={chatId} onEnd={() => setEnded((count) => count + 1)} />
    </div>
  );
}

/** The session; null for who is signed out, undefined until that is known. */
function useSession(): Session | null | undefined {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, session) => setSession(session));
    return () => data.subscription.unsubscribe();
  }, []);
  return session;
}

/** The chat that the address names, so that a reload shows it again. A new chat's id is made here. */
function useChatId(): [string, (id: string) => void] {
  const [id, setId] = useState(() => location.hash.slice(1) || crypto.randomUUID());
  useEffect(() => history.replaceState(null, "", `#${id}`), [id]);
  return [id, setId];
}
