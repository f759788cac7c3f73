import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  id?: string;
  /** The `/` key goes here: one box of a page. */
  shortcut?: boolean;
  value: string;
  label: string;
  placeholder?: string;
  /** Called a moment after the last key. */
  onChange: (value: string) => void;
}

const WAIT_MS = 200;

/** A text filter; Escape empties it. */
export function SearchBox({ id, shortcut = false, value, label, placeholder, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const timer = useRef(0);
  const told = useRef(value);
  useEffect(() => {
    if (value === told.current) return; // our own, come back while more was typed
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLayoutEffect(() => {
    if (!shortcut) return;
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || (event.target as Element).closest("input, textarea, select")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, [shortcut]);
  const change = (next: string, wait: number) => {
    setText(next);
    window.clearTimeout(timer.current);
    const tell = () => {
      told.current = next;
      onChange(next);
    };
    if (wait) timer.current = window.setTimeout(tell, wait);
    else tell();
  };
  return (
    <input
      ref={input}
      id={id}
      type="search"
      class="search"
      aria-label={label}
      {...(shortcut ? { "aria-keyshortcuts": "/" } : {})}
      placeholder={placeholder}
      value={text}
      onInput={(event) => change(event.currentTarget.value, WAIT_MS)}
      onBlur={() => text !== value && change(text, 0)}
      onKeyDown={(event) => event.key === "Escape" && change("", 0)}
    />
  );
}
