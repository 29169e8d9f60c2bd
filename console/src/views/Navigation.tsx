import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "@chat-backend/client";
import { usePages } from "../loading";
import { chatAddress, type Route } from "../route";
import { useServices } from "../services";
import { Problem } from "./Problem";

/** What the list shows. */
const FILTERS = {
  Chats: { archived: false },
  Bookmarked: { bookmarked: true },
  Archived: { archived: true },
} as const;

interface Props {
  name: string;
  route: Route;
  /** Counts changes of chats, which the list follows. */
  changes: number;
}

/** On a small screen it is a popover; see `layout.css`. */
export function Navigation({ name, route, changes }: Props) {
  const { auth, config } = useServices();
  const element = useRef<HTMLElement>(null);
  const current = route.view === "chat" ? route.chat : undefined;
  useEffect(() => element.current?.hidePopover(), [route.view, current]);
  const here = (view: Route["view"]) => (route.view === view ? "page" : undefined);

  return (
    <nav id="navigation" class="navigation" popover="auto" ref={element} aria-label="Console">
      <a class="button primary" href="#/">New chat</a>
      <ChatList current={current} changes={changes} />
      <ul class="views">
        <li><a href="#/approvals" aria-current={here("approvals")}>What waits for you</a></li>
        <li><a href="#/scripts" aria-current={here("scripts")}>Scripts and files</a></li>
        <li><a href="#/usage" aria-current={here("usage")}>Usage</a></li>
      </ul>
      <footer class="small">
        <span>{name || "Guest"}</span>
        <button onClick={() => auth.signOut({ scope: "local" })}>Sign out</button>
        <span title="Version of the server">{config.version}</span>
      </footer>
    </nav>
  );
}

function ChatList({ current, changes }: { current: string | undefined; changes: number }) {
  const { client } = useServices();
  const [filter, setFilter] = useState<keyof typeof FILTERS>("Chats");
  const [search, setSearch] = useState("");
  const q = useDelayed(search.trim(), 250);
  const chats = usePages(
    (cursor) => client.chats.list({ ...FILTERS[filter], ...(q && { q }), ...(cursor && { cursor }), limit: 30 }),
    [client, filter, q, changes],
  );

  return (
    <section class="chats" aria-label="Chats">
      <div class="row">
        <input
          type="search" aria-label="Search titles and messages" placeholder="Search" value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <select
          aria-label="Which chats" value={filter}
          onChange={(event) => setFilter(event.currentTarget.value as keyof typeof FILTERS)}
        >
          {Object.keys(FILTERS).map((name) => <option key={name}>{name}</option>)}
        </select>
      </div>
      <Problem error={chats.error} retry={chats.reload} />
      <ul>
        {chats.items.map((chat) => <Entry key={chat.id} chat={chat} isCurrent={chat.id === current} />)}
      </ul>
      {chats.more && <button onClick={chats.more}>More chats</button>}
    </section>
  );
}

function Entry({ chat, isCurrent }: { chat: Chat; isCurrent: boolean }) {
  return (
    <li>
      <a href={chatAddress(chat.id)} aria-current={isCurrent ? "page" : undefined}>
        {chat.title}
        {chat.is_bookmarked && <span role="img" aria-label="bookmarked"> ★</span>}
      </a>
    </li>
  );
}

/** The value, once it has stayed the same for a while. */
function useDelayed<Value>(value: Value, milliseconds: number): Value {
  const [delayed, setDelayed] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return delayed;
}
