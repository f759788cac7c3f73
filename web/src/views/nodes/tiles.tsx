import { query, setQuery } from "../../app/router";
import { nodePath } from "../../app/routes";
import { nodeLook } from "../../format/states";
import { formatPercent, formatValue } from "../../format/units";
import type { NodeRow } from "./summary";

interface Shade {
  label: string;
  /** 0…100, or null when unknown. */
  level: (row: NodeRow) => number | null;
  text: (row: NodeRow) => string;
}

const SHADES: Record<string, Shade> = {
  cpu: {
    label: "CPU busy",
    level: (row) => row.cpu,
    text: (row) => formatPercent(row.cpu),
  },
  memory: {
    label: "Memory used",
    level: (row) => row.memory,
    text: (row) => formatPercent(row.memory),
  },
  load: {
    label: "Load per thread",
    level: (row) =>
      row.load === null ? null : Math.min(100, (row.load / (row.node.hardware.hwthreads ?? 1)) * 100),
    text: (row) => formatValue(row.load, ""),
  },
};

const STEPS = 10;
/** With more nodes than this, tiles shrink and their text goes to the tooltip. */
const ROOMY = 80;

/** A map of all nodes, darker where there is more of something. */
export function Tiles({ rows }: { rows: NodeRow[] }) {
  const name = query.value.get("shade") ?? "cpu";
  const shade = SHADES[name] ?? (SHADES.cpu as Shade);
  return (
    <section class="card tiles-card" aria-label={`Nodes by ${shade.label}`}>
      <div class="tiles-head">
        <label>
          Shade by{" "}
          <select
            value={name}
            onChange={(event) =>
              setQuery({ shade: event.currentTarget.value === "cpu" ? null : event.currentTarget.value })
            }
          >
            {Object.entries(SHADES).map(([key, one]) => (
              <option key={key} value={key}>
                {one.label}
              </option>
            ))}
          </select>
        </label>
        <span class="scale" aria-hidden="true">
          0 %
          {Array.from({ length: STEPS + 1 }, (_, i) => (
            <i key={i} class={`heat-${i}`} />
          ))}
          100 %
        </span>
        <span class="scale">
          <i class="tile-stale" /> stale <i class="tile-down" /> down
        </span>
      </div>
      <div class={`tiles ${rows.length > ROOMY ? "dense" : ""}`}>
        {rows.map((row) => (
          <Tile key={row.id} row={row} shade={shade} roomy={rows.length <= ROOMY} />
        ))}
      </div>
    </section>
  );
}

function Tile({ row, shade, roomy }: { row: NodeRow; shade: Shade; roomy: boolean }) {
  const { node } = row;
  const level = shade.level(row);
  const heat = level === null ? "heat-none" : `heat-${Math.round((level / 100) * STEPS)}`;
  const words = `${node.hostname}: ${nodeLook(node.state).word.toLowerCase()}, ${shade.label} ${shade.text(row)}, ${node.jobs.length} jobs`;
  return (
    <a
      class={`tile ${heat} ${node.state === "up" ? "" : `tile-${node.state}`}`}
      href={nodePath(node.cluster, node.hostname)}
      title={words}
      aria-label={words}
    >
      {roomy && (
        <>
          <span>{node.hostname}</span>
          <b>{node.state === "down" ? "down" : shade.text(row)}</b>
        </>
      )}
    </a>
  );
}
