import { useState } from "preact/hooks";
import { logIn } from "../../api/client";
import { Problem } from "../../api/problem";
import { Wheel } from "../../parts/icons";
import { ProblemNote } from "../../parts/notes";

/** Exchange a token for a session of the browser. The address stays, so that the wanted view opens after it. */
export function LoginView() {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await logIn(token.trim());
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(-1, { detail: String(error) }));
    }
    setBusy(false);
  };
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <h1>
          <Wheel /> Pilothouse
        </h1>
        <p>Log in with an access token. The browser keeps a session, not the token.</p>
        <label for="token">Access token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={busy || !token.trim()}>
          {busy ? "Logging in…" : "Log in"}
        </button>
        {problem && <ProblemNote problem={problem} />}
        <details>
          <summary>Where do I get a token?</summary>
          <ul>
            <li>
              An operator makes one with <code>pilothouse-api token create</code>.
            </li>
            <li>
              Your own <code>pilothouse-standalone up</code> prints a one-time link that logs in by itself,
              and keeps a token in <code>admin.token</code> of its data directory.
            </li>
          </ul>
        </details>
      </form>
    </main>
  );
}
