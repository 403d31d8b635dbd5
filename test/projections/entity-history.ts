import type { MemoryEvent } from '../../memory/events.ts';

/** Names that were merged: a merge that stands, one that was taken back, and one that a fork took back. */
export function entitiesOf({
  mark,
  commit,
}: {
  readonly mark: string;
  readonly commit: (id: string, ...events: readonly MemoryEvent[]) => void;
}): void {
  const scope = { user: 'ana' };
  const by = { actor: 'user:ana', reason: `as ${mark} said` };
  const merged = (merge: string, into: string, name: string): MemoryEvent => ({
    type: 'EntitiesMerged',
    data: {
      merge: `${mark}-${merge}`,
      scope,
      into: `${into} of ${mark}`,
      names: [{ name: `${name} of ${mark}` }],
      ...by,
    },
  });
  const split = (merge: string, fork?: string): MemoryEvent => ({
    type: 'EntitiesSplit',
    data: { merge: `${mark}-${merge}`, scope: { ...scope, ...(fork === undefined ? {} : { fork }) }, ...by },
  });
  commit(`${mark}-merged`, merged('bob', 'Robert Müller', 'Bob'), merged('tom', 'Thomas', 'Tom'));
  commit(`${mark}-split`, split('tom'));
  commit(`${mark}-split-in-fork`, split('bob', `${mark}-thread-0/what-if-0`));
}
