import { useState, type FormEvent } from "react";
import { supabase } from "./backend";

export function SignIn() {
  const [message, setMessage] = useState("");
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const button = (event.nativeEvent as SubmitEvent).submitter;
    const form = new FormData(event.currentTarget, button);
    const credentials = { email: String(form.get("email")), password: String(form.get("password")) };
    const { error } = form.get("action") === "sign-up"
      ? await supabase.auth.signUp(credentials)
      : await supabase.auth.signInWithPassword(credentials);
    setMessage(error?.message ?? "");
  };
  return (
    <form className="sign-in" onSubmit={submit}>
      <label>Email <input name="email" type="email" autoComplete="username" required /></label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" minLength={6} required />
      </label>
      <button name="action" value="sign-in">Sign in</button>
      <button name="action" value="sign-up">Create account</button>
      <p role="alert">{message}</p>
    </form>
  );
}
