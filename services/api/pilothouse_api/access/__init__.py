"""Who is asking and what may they do: signing, tokens, sessions, the dependency of every route."""
