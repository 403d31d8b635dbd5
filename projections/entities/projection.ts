import { close, open } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { entityMergeView } from './views.ts';

/** Which names were merged. Forgotten ones are nobody's. */
export const entitiesProjection: Projection<MemoryEvent> = {
  name: 'entities',
  version: 1,
  views: [entityMergeView],
  project({ type, data, forgotten = false }) {
    switch (type) {
      case 'EntitiesMerged': {
        const { merge, scope, into, names, actor, reason } = data;
        if (forgotten) return [];
        return open(entityMergeView, {
          merge,
          ...scopeColumns(scope),
          into_name: into,
          ...{ names: names.map(({ name }) => name), actor, reason },
        });
      }
      case 'EntitiesSplit':
        return close(entityMergeView, { merge: data.merge, fork: data.scope.fork ?? '' });
      default:
        return [];
    }
  },
};
