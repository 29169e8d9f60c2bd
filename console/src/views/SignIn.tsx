import type { AuthError } from "@supabase/auth-js";
import { useState } from "preact/hooks";
import { useServices } from "../services";

export function SignIn() {
  const { auth, config } = useServices();
  const [message, setMessage] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const attempt = async (action: () => Promise<{ error: AuthError | null }>, success?: string) => {
    setBusy(true);
    const { error } = await action();
    setMessage(error ? error.message : success);
    setBusy(false);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement, event.submitter);
    const credentials = { email: String(form.get("email")), password: String(form.get("password")) };
    if (form.get("action") === "sign-up") {
      const sent = "If the address needs confirmation, open the link in the mail, then sign in.";
      return attempt(() => auth.signUp(credentials), sent);
    }
    return attempt(() => auth.signInWithPassword(credentials));
  };

  return (
    <main class="sign-in">
      <h1>chat-backend</h1>
      <p>The console shows the API at work. Accounts are those of <code>{config.supabase_url}</code>.</p>
      <form onSubmit={submit}>
        <label>Email <input name="email" type="email" autocomplete="username" required /></label>
        <label>
          Password <input name="password" type="password" autocomplete="current-password" minlength={6} required />
        </label>
        <div class="row">
          <button class="primary" name="action" value="sign-in" disabled={isBusy}>Sign in</button>
          <button name="action" value="sign-up" disabled={isBusy}>Create account</button>
        </div>
      </form>
      {config.anonymous_users && (
        <button disabled={isBusy} onClick={() => attempt(() => auth.signInAnonymously())}>
          Continue as guest
        </button>
      )}
      <p class="problem" role="alert" hidden={message === undefined}>{message}</p>
      <p class="small">
        Version {config.version} · <a href="docs">Swagger UI</a> · <a href="redoc">ReDoc</a> ·{" "}
        <a href="openapi.json">openapi.json</a> · <a href="health">Health</a>
      </p>
    </main>
  );
}
