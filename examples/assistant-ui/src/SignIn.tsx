import { type FormEvent, useState } from "react";
import { supabase } from "./api";

export function SignIn() {
  const [problem, setProblem] = useState("");
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = {
      email: String(form.get("email")),
      password: String(form.get("password")),
    };
    const isNew = (event.nativeEvent as SubmitEvent).submitter?.id === "sign-up";
    const { error } = isNew
      ? await supabase.auth.signUp(credentials)
      : await supabase.auth.signInWithPassword(credentials);
    setProblem(error?.message ?? "");
  };
  return (
    <form className="sign-in" onSubmit={submit}>
      <h1>Sign in</h1>
      <input name="email" type="email" placeholder="E-mail" required autoComplete="email" />
      <input
        name="password"
        type="password"
        placeholder="Password"
        required
        minLength={6}
        autoComplete="current-password"
      />
      <button id="sign-in">Sign in</button>
      <button id="sign-up">Create an account</button>
      <p role="alert">{problem}</p>
    </form>
  );
}
