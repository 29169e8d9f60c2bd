interface Props {
  showsRequests: boolean;
  showRequests(show: boolean): void;
}

export function TopBar({ showsRequests, showRequests }: Props) {
  return (
    <header class="top-bar">
      <button class="menu-button" popovertarget="navigation" aria-label="Menu">☰</button>
      <a class="only-small" href="#/">New chat</a>
      <span class="space" />
      <a href="docs">API docs</a>
      <button aria-pressed={showsRequests} onClick={() => showRequests(!showsRequests)}>Requests</button>
    </header>
  );
}
