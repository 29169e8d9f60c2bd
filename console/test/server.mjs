// Starts the program with a local Supabase of its own, in an empty folder, and an assistant.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = process.env.CHAT_BACKEND_PROGRAM
  ?? join(import.meta.dirname, "../../target/debug/chat-backend");

const OPERATOR_FILE = `
[assistants.travel]
name = "Travel agent"
description = "Plans trips."
instructions = "You are a travel agent."
suggestions = ["Where is it warm in March, and how does one get there from Rome by train and by ship?", "/markdown"]
`;

/** Returns the addresses of the API and of Supabase, its key, and `stop`. */
export async function startServer(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "chat-backend-console-"));
  await writeFile(join(folder, "chat-backend.toml"), OPERATOR_FILE);
  const server = spawn(resolve(PROGRAM), [], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: "0", LOCAL_SUPABASE_ADDR: "127.0.0.1:0", DATA_DIR: folder, ...settings },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const stop = async () => {
    server.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const banner = {};
  for await (const line of createInterface(server.stdout)) {
    const [name, value] = line.trim().split(/\s+/);
    if (name) banner[name] = value;
    if (name === "Models") return { url: banner.API.replace(/\/api$/, ""), supabase: banner.Supabase, key: banner.key, stop };
  }
  throw new Error("The server ended before it listened.");
}
