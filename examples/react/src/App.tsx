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
  const [chat, openChat] = useOpenChat();
  // Counts answers that have ended: a chat's title and place in the list change with them.
  const [ended, setEnded] = useState(0);
  return (
    <div className="app">
      <nav>
        <button onClick={() => openChat()}>New chat</button>
        <ChatList current={chat.id} select={openChat} ended={ended} />
        <button onClick={() => supabase.auth.signOut()}>Sign out</button>
      </nav>
      <Chat key={chat.id} chatId={chat.id} isNew={chat.isNew} onEnd={() => setEnded((count) => count + 1)} />
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

/** The chat that the address names, so that a reload shows it again, or a new one. */
function useOpenChat() {
  const [chat, setChat] = useState(() => chatOf(location.hash.slice(1)));
  useEffect(() => history.replaceState(null, "", `#${chat.id}`), [chat]);
  return [chat, (id?: string) => setChat(chatOf(id))] as const;
}

/** A new chat's id is made here; the server learns of it with the first message. */
function chatOf(id?: string) {
  return id ? { id, isNew: false } : { id: crypto.randomUUID(), isNew: true };
}
