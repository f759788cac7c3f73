import type { NodeState } from "../api/types";
import { jobLook, type Look, nodeLook } from "../format/states";
import { Icon } from "./icons";

function Badge({ look, title }: { look: Look; title?: string }) {
  return (
    <span class={`badge ${look.tone}`} title={title ?? look.meaning}>
      <Icon shape={look.shape} />
      {look.word}
    </span>
  );
}

export const JobState = ({ state, reason }: { state: string; reason?: string | null }) => (
  <Badge look={jobLook(state)} {...(reason ? { title: `Slurm's reason: ${reason}` } : {})} />
);

export const NodeStateBadge = ({ state }: { state: NodeState }) => <Badge look={nodeLook(state)} />;
