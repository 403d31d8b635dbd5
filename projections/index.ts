import { join } from 'node:path';
import { logMigrations } from '../eventstore/index.ts';
import type { LogSchema, Projection } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { personalFields } from '../memory/personal-fields.ts';
import { branchesProjection } from './branches/projection.ts';
import { careProjection } from './care/projection.ts';
import { documentsProjection } from './documents/projection.ts';
import { entitiesProjection } from './entities/projection.ts';
import { episodicProjection } from './episodic/projection.ts';
import { proceduralProjection } from './procedural/projection.ts';
import { proposalsProjection } from './proposals/projection.ts';
import { schedulesProjection } from './schedules/projection.ts';
import { forgottenVectors } from './search/forget-vectors.ts';
import { searchProjection } from './search/projection.ts';
import { forgottenText } from './streaming/forget-text.ts';
import { semanticProjection } from './semantic/projection.ts';
import { threadsProjection } from './threads/projection.ts';
import { workingProjection } from './working/projection.ts';

/** Every projection of Holdfast, folded inside each append. */
export const projections: readonly Projection<MemoryEvent>[] = [
  threadsProjection,
  workingProjection,
  semanticProjection,
  episodicProjection,
  proceduralProjection,
  searchProjection,
  branchesProjection,
  schedulesProjection,
  careProjection,
  documentsProjection,
  proposalsProjection,
  entitiesProjection,
];

/** The schema of a Holdfast database, for `migrate` and `assertSchema`. */
export const holdfastSchema: LogSchema<MemoryEvent> = {
  migrationFolders: [logMigrations, join(import.meta.dirname, 'migrations')],
  projections,
  personal: personalFields,
  derived: [forgottenVectors, forgottenText],
};
