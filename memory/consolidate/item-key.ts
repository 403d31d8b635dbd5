/** Names something a run does, in the same words whoever does it: what was undone is found by it. */
export const itemKey = {
  merge: (keep: string, gone: string): string => `merge/${encodeURIComponent(keep)}/${encodeURIComponent(gone)}`,
  expire: (fact: string): string => `expire/${encodeURIComponent(fact)}`,
  unproven: (fact: string): string => `unproven/${encodeURIComponent(fact)}`,
  observe: (evidence: readonly string[]): string => `observe/${evidence.toSorted().map(encodeURIComponent).join('+')}`,
  summarise: (thread: string, upTo: number): string => `summarise/${encodeURIComponent(thread)}/${upTo}`,
  learn: (procedure: string, steps: readonly string[]): string =>
    `learn/${encodeURIComponent(procedure)}/${steps.map(encodeURIComponent).join('+')}`,
  prove: (procedure: string, turn: string): string =>
    `prove/${encodeURIComponent(procedure)}/${encodeURIComponent(turn)}`,
};
