import type { ComponentChildren } from "preact";

/** Texts longer than this get two columns. */
const LONG = 24;

function isLong(value: ComponentChildren): boolean {
  if (typeof value === "string") return value.length > LONG;
  return typeof value === "object" && value !== null && "type" in value && value.type === "code";
}

/** Label and value pairs; those without a value are left out. */
export function Facts({ items }: { items: [label: string, value: ComponentChildren][] }) {
  const known = items.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl class="facts">
      {known.map(([label, value]) => (
        <div key={label} class={isLong(value) ? "long" : ""}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
