import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  id?: string;
  value: string;
  label: string;
  placeholder?: string;
  /** Called a moment after the last key. */
  onChange: (value: string) => void;
}

const WAIT_MS = 200;

/** A text filter; the `/` key goes there, Escape empties it. */
export function SearchBox({ id, value, label, placeholder, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || (event.target as Element).closest("input, textarea, select")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  const change = (next: string, wait: number) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(next), wait);
  };
  return (
    <input
      ref={input}
      id={id}
      type="search"
      class="search"
      aria-label={label}
      aria-keyshortcuts="/"
      placeholder={placeholder}
      value={text}
      onInput={(event) => change(event.currentTarget.value, WAIT_MS)}
      onKeyDown={(event) => event.key === "Escape" && change("", 0)}
    />
  );
}
