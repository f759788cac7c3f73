/** Metric names as people say them. Pure. */

const WORDS: Record<string, string> = {
  acc: "accelerator",
  avg10: "(10 s average)",
  bw: "rate",
  cpu: "CPU",
  eth: "Ethernet",
  fs: "file system",
  ib: "InfiniBand",
  ic: "interconnect",
  io: "I/O",
  irq: "IRQ",
  mem: "memory",
  net: "network",
  ops: "operations",
  pkts: "packets",
  proc: "tasks",
  tcp: "TCP",
  udp: "UDP",
};

/** `mem_used` as a title: `Memory used`. */
export function metricName(metric: string): string {
  const text = metric
    .split("_")
    .map((word) => WORDS[word] ?? word)
    .join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
