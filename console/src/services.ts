// What every view uses.
import { createChatClient, type ChatClient } from "@chat-backend/client";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { SERVER, type Config } from "./config";
import { recordedFetch } from "./requests";
import { accessToken, createAuth, type Auth } from "./session";

export interface Services {
  config: Config;
  auth: Auth;
  client: ChatClient;
}

export function createServices(config: Config): Services {
  const auth = createAuth(config);
  const client = createChatClient({ url: SERVER, token: () => accessToken(auth), fetch: recordedFetch });
  return { config, auth, client };
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error("There is no ServicesContext.");
  return services;
}
