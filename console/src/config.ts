// What the server tells a page: where Supabase is, and the key that browsers may have.
export interface Config {
  supabase_url: string;
  supabase_key: string;
  version: string;
  anonymous_users: boolean;
  assistants_only: boolean;
}

/** The server's own address: the page lies directly below it. */
export const SERVER = new URL(".", location.href).href.replace(/\/$/, "");

export async function loadConfig(): Promise<Config> {
  const response = await fetch(`${SERVER}/console/config.json`);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}
