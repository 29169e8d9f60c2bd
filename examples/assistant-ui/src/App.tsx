import {
  AssistantRuntimeProvider,
  useAui,
  useRemoteThreadListRuntime,
} from "@assistant-ui/react";
import {
  AssistantChatTransport,
  createResumableSessionStorage,
  useChatRuntime,
} from "@assistant-ui/react-ai-sdk";
import type { Session } from "@supabase/supabase-js";
import { useEffect, useMemo, useState } from "react";
import { API_URL, authorization, checkedFetch, request, supabase } from "./api";
import { attachments } from "./attachments";
import { SignIn } from "./SignIn";
import { Thread } from "./Thread";
import { ThreadList } from "./ThreadList";
import { threadListAdapter } from "./threads";

export function App() {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    supabase.auth.getSession().then(({ data }) => setSession(data.session));
    const { data } = supabase.auth.onAuthStateChange((_, session) => setSession(session));
    return () => data.subscription.unsubscribe();
  }, []);
  if (session === undefined) return null;
  return session ? <Chat key={session.user.id} /> : <SignIn />;
}

function Chat() {
  // The address names the thread, so that a reload shows it again.
  const [threadId, setThreadId] = useState(() => location.hash.slice(1) || undefined);
  useEffect(() => history.replaceState(null, "", `#${threadId ?? ""}`), [threadId]);
  const runtime = useRemoteThreadListRuntime({
    runtimeHook: useThreadRuntime,
    adapter: threadListAdapter,
    threadId,
    onThreadIdChange: setThreadId,
  });
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ThreadList />
      <Thread />
    </AssistantRuntimeProvider>
  );
}

function useThreadRuntime() {
  const aui = useAui();
  const transport = useMemo(() => {
    // Each thread remembers its own stream, once it has a chat.
    const key = () => {
      const { remoteId } = aui.threadListItem.source ? aui.threadListItem().getState() : {};
      return remoteId && `stream-of-${remoteId}`;
    };
    return new AssistantChatTransport({
      api: `${API_URL}/api/ai/chat`,
      headers: authorization,
      fetch: checkedFetch,
      // After a reload the page goes on with the answer that is being written.
      resumable: {
        storage: createResumableSessionStorage({ key }),
        resumeApi: (chatId) => `${API_URL}/api/ai/chat/${chatId}/stream`,
      },
    });
  }, [aui]);
  return useChatRuntime({
    transport,
    adapters: { attachments },
    // The branch that is shown is the one that a reload shows, and that the model reads.
    unstable_onBranchChange: ({ headId }) => {
      if (headId) request(`/api/messages/${headId}/select`, "POST").catch(console.error);
    },
  });
}
