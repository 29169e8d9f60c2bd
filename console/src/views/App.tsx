import { useEffect, useState } from "preact/hooks";
import { v4 as uuid } from "uuid";
import { useLoaded } from "../loading";
import { useRoute } from "../route";
import { useServices } from "../services";
import { useSession } from "../session";
import { ApprovalsView } from "./ApprovalsView";
import { ChatView } from "./ChatView";
import { Navigation } from "./Navigation";
import { RequestsPanel } from "./RequestsPanel";
import { ScriptsView } from "./ScriptsView";
import { SignIn } from "./SignIn";
import { TopBar } from "./TopBar";
import { UsageView } from "./UsageView";

export function App() {
  const { auth } = useServices();
  const session = useSession(auth);
  if (session === undefined) return <p class="center" role="status">Loading…</p>;
  // Another user begins anew.
  return session ? <Console key={session.user.id} name={session.user.email ?? ""} /> : <SignIn />;
}

function Console({ name }: { name: string }) {
  const { client } = useServices();
  const route = useRoute();
  const models = useLoaded(() => client.models(), [client]);
  const assistants = useLoaded(() => client.assistants(), [client]);
  const [showsRequests, showRequests] = useState(false);
  const [changes, setChanges] = useState(0);
  const changed = () => setChanges((count) => count + 1);
  // The id of the chat that begins with the next message.
  const [draft, setDraft] = useState(() => uuid());
  const chat = route.view === "chat" ? (route.chat ?? draft) : undefined;
  const isDraftStarted = route.view === "chat" && route.chat === draft;
  useEffect(() => (isDraftStarted ? () => setDraft(uuid()) : undefined), [isDraftStarted]);

  return (
    <div class={showsRequests ? "console with-requests" : "console"}>
      <Navigation name={name} changes={changes} route={route} />
      <div class="page">
        <TopBar showsRequests={showsRequests} showRequests={showRequests} />
        <main>
          {chat !== undefined && (
            <ChatView
              key={chat}
              chat={chat}
              isNew={route.view === "chat" && route.chat === undefined}
              models={models}
              assistants={assistants}
              changes={changes}
              onChange={changed}
            />
          )}
          {route.view === "approvals" && <ApprovalsView />}
          {route.view === "scripts" && <ScriptsView />}
          {route.view === "usage" && <UsageView />}
        </main>
      </div>
      {showsRequests && <RequestsPanel close={() => showRequests(false)} />}
    </div>
  );
}
