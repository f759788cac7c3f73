import type { NodeState } from "../../api/types";
import { nodeLook } from "../../format/states";
import { formatPercent, formatValue, percent } from "../../format/units";
import { Icon } from "../../parts/icons";
import { Meter } from "../../parts/meter";
import type { Totals } from "./summary";

const STATES: NodeState[] = ["up", "stale", "down"];

interface Props {
  totals: Totals;
  state: string;
  onState: (state: NodeState) => void;
}

/** The whole cluster on one line; the states are filters. */
export function TotalsStrip({ totals, state, onState }: Props) {
  return (
    <section class="strip" aria-label="All nodes">
      <div class="card figure">
        <h2>Nodes</h2>
        <div class="figure-states">
          {STATES.map((name) => {
            const look = nodeLook(name);
            return (
              <button
                type="button"
                key={name}
                class={`badge ${totals[name] ? look.tone : "none"}`}
                aria-pressed={state === name}
                title={`${look.meaning} Click to filter.`}
                onClick={() => onState(name)}
              >
                <Icon shape={look.shape} />
                <b>{totals[name]}</b> {look.word.toLowerCase()}
              </button>
            );
          })}
        </div>
      </div>
      <div class="card figure">
        <h2>CPU busy</h2>
        <Meter value={totals.cpu}>
          <b>{formatPercent(totals.cpu)}</b> of {totals.threads} threads
        </Meter>
      </div>
      <div class="card figure">
        <h2>Memory used</h2>
        <Meter value={percent(totals.memoryUsed, totals.memoryTotal)}>
          <b>{formatValue(totals.memoryUsed, "B")}</b> of {formatValue(totals.memoryTotal, "B")}
        </Meter>
      </div>
      <div class="card figure">
        <h2>Jobs on them</h2>
        <p>
          <a href="/jobs?state=RUNNING">
            <b>{totals.jobs}</b> running
          </a>
        </p>
      </div>
    </section>
  );
}
