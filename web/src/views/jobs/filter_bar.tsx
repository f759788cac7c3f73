import { setQuery } from "../../app/router";
import { JOB_STATES } from "../../format/states";
import { SearchBox } from "../../parts/search_box";
import { JobState } from "../../parts/state";
import { type JobFilters, WINDOWS } from "./filters";

const FIELDS = [
  ["name", "Name", "train*"],
  ["user", "User", "alice"],
  ["account", "Account", ""],
  ["partition", "Partition", ""],
  ["node", "Node", "n001"],
] as const;

/** All filters of the list; each stands in the URL. */
export function FilterBar({ filters }: { filters: JobFilters }) {
  const toggle = (state: string) => {
    const states = filters.states.includes(state)
      ? filters.states.filter((one) => one !== state)
      : [...filters.states, state];
    setQuery({ state: states });
  };
  return (
    <search class="card filters">
      <div class="fields">
        {FIELDS.map(([name, label, example]) => (
          <label key={name} for={`filter-${name}`}>
            <span>{label}</span>
            <SearchBox
              shortcut={name === "name"}
              id={`filter-${name}`}
              value={filters[name]}
              label={label}
              placeholder={example}
              onChange={(value) => setQuery({ [name]: value })}
            />
          </label>
        ))}
        <label>
          <span>Ran within</span>
          <select
            value={filters.within}
            onChange={(event) => setQuery({ within: event.currentTarget.value, start: null, end: null })}
          >
            {Object.entries(WINDOWS).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
      </div>
      <fieldset class="states">
        <legend class="sr">States</legend>
        {Object.keys(JOB_STATES).map((state) => (
          <button
            type="button"
            key={state}
            aria-pressed={filters.states.includes(state)}
            onClick={() => toggle(state)}
          >
            <JobState state={state} />
          </button>
        ))}
      </fieldset>
    </search>
  );
}
