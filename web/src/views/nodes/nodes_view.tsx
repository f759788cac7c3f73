import { useEffect, useMemo } from "preact/hooks";
import { allNodes } from "../../api/client";
import { listen } from "../../api/live";
import { useResource } from "../../app/resource";
import { query, setQuery } from "../../app/router";
import { EmptyNote, Loading, ProblemNote } from "../../parts/notes";
import { SearchBox } from "../../parts/search_box";
import { orderText, parseOrder } from "../../parts/sort";
import { NodesTable } from "./nodes_table";
import { filterRows, rowOf, sortRows, totalsOf } from "./summary";
import { Tiles } from "./tiles";
import { TotalsStrip } from "./totals_strip";

const REFRESH_SECONDS = 10;

export function NodesView() {
  const nodes = useResource("nodes", (abort) => allNodes({}, abort), { everySeconds: REFRESH_SECONDS });
  const { refresh } = nodes;
  useEffect(
    () => listen((event) => (event === null || event.type === "node.reported") && refresh()),
    [refresh],
  );

  const text = query.value.get("q") ?? "";
  const state = query.value.get("state") ?? "";
  const view = query.value.get("view") ?? "table";
  const order = parseOrder(query.value.get("sort") ?? "hostname");
  const rows = useMemo(() => (nodes.data ?? []).map(rowOf), [nodes.data]);
  const shown = sortRows(filterRows(rows, text, state), order);
  const clusters = new Set(rows.map((row) => row.node.cluster)).size;

  if (!nodes.data) {
    return nodes.problem ? <ProblemNote problem={nodes.problem} retry={refresh} /> : <Loading rows={10} />;
  }
  if (rows.length === 0) return <NoNodes />;
  return (
    <>
      <h1 class="sr">Nodes</h1>
      <TotalsStrip
        totals={totalsOf(rows)}
        state={state}
        onState={(s) => setQuery({ state: s === state ? null : s })}
      />
      <div class="toolbar">
        <SearchBox
          shortcut
          value={text}
          label="Filter nodes"
          placeholder="hostname, n00*, job…"
          onChange={(q) => setQuery({ q })}
        />
        <fieldset class="segments">
          <legend class="sr">View</legend>
          {["table", "tiles"].map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={view === name}
              onClick={() => setQuery({ view: name === "table" ? null : name })}
            >
              {name === "table" ? "Table" : "Tiles"}
            </button>
          ))}
        </fieldset>
        <span class="quiet-text count" role="status">
          {countWords(shown.length, rows.length)}
        </span>
      </div>
      {shown.length === 0 ? (
        <EmptyNote title="No node matches">
          <button type="button" onClick={() => setQuery({ q: null, state: null })}>
            Clear filters
          </button>
        </EmptyNote>
      ) : view === "tiles" ? (
        <Tiles rows={shown} />
      ) : (
        <NodesTable
          rows={shown}
          order={order}
          withCluster={clusters > 1}
          onSort={(o) => setQuery({ sort: orderText(o) === "hostname" ? null : orderText(o) })}
        />
      )}
    </>
  );
}

function countWords(shown: number, all: number): string {
  return `${shown === all ? "" : `${shown} of `}${all} ${all === 1 ? "node" : "nodes"}`;
}

const NoNodes = () => (
  <EmptyNote title="No node has reported yet">
    <p>
      Start <code>pilothouse-agent</code> on a node with the broker's URL; it appears here with its first
      report. A token that is limited to a user, account or job sees no nodes, only its{" "}
      <a href="/jobs">jobs</a>.
    </p>
  </EmptyNote>
);
