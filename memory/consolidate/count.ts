import type { CareCounts } from '../care-events.ts';
import type { MemoryEvent } from '../events.ts';

/** How many of each thing the events of a run did. */
export function countCare(events: readonly MemoryEvent[]): CareCounts {
  const retired = (why: string): number =>
    events.filter((event) => event.type === 'FactRetired' && event.data.why === why).length;
  return {
    merged: retired('merged'),
    observed: events.filter(({ type }) => type === 'ObservationDerived').length,
    unproven: retired('unproven'),
    expired: retired('expired'),
    summarised: events.filter(({ type }) => type === 'SessionSummarised').length,
    learnt: events.filter(({ type }) => type === 'ProcedureLearned').length,
    proven: events.reduce((sum, { type, data }) => sum + (type === 'ProcedureConfirmed' ? data.sources.length : 0), 0),
  };
}
