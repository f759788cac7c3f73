import { useEffect, useState } from "preact/hooks";
import { loadSession, session } from "../api/client";
import { startLive, stopLive } from "../api/live";
import { Problem } from "../api/problem";
import { EmptyNote, Loading, ProblemNote } from "../parts/notes";
import { LoginView } from "../views/login/login_view";
import { Banner, Head } from "./head";
import { path } from "./router";
import { findRoute } from "./routes";

export function App() {
  const [problem, setProblem] = useState<Problem>();
  const [attempt, setAttempt] = useState(0);
  const who = session.value;
  const loggedIn = Boolean(who);

  useEffect(() => {
    let timer = 0;
    loadSession()
      .then(() => setProblem(undefined))
      .catch((error: unknown) => {
        if (error instanceof Problem && error.status === 401) return setProblem(undefined);
        setProblem(error instanceof Problem ? error : new Problem(-1, { detail: String(error) }));
        timer = window.setTimeout(() => setAttempt((n) => n + 1), 3000);
      });
    return () => window.clearTimeout(timer);
  }, [attempt]);

  useEffect(() => {
    if (!loggedIn) return;
    startLive();
    return stopLive;
  }, [loggedIn]);

  if (who === null) return <LoginView />;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Head />
      <Banner />
      <main id="main" tabIndex={-1}>
        {who ? <View /> : problem ? <ProblemNote problem={problem} /> : <Loading />}
      </main>
    </>
  );
}

function View() {
  const found = findRoute(path.value);
  const title = found?.route.title(found.params) ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Pilothouse`;
  }, [title]);
  if (!found) {
    return (
      <EmptyNote title="There is no such page">
        <p>
          Go to the <a href="/nodes">nodes</a> or the <a href="/jobs">jobs</a>.
        </p>
      </EmptyNote>
    );
  }
  const { route, params } = found;
  return <route.view key={path.value} params={params} />;
}
