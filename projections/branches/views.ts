import { defineView, optional, required } from '../../eventstore/index.ts';

/** Forks: branches that left another one at a position. `fork` is how memories name them (`forkOf`). */
export const forkView = defineView({
  name: 'fork',
  key: ['fork'],
  columns: {
    fork: required('text'),
    thread: required('text'),
    branch: required('text'),
    parent: required('text'),
    /** The parent's own `fork`; '' when it is the main branch. */
    parent_fork: required('text'),
    /** What the fork sees of its parent: everything up to here. */
    position: required('bigint'),
    /** The parent's turn that the fork goes on with; null when it left between turns. */
    turn: optional('text'),
    /** How many of its steps are taken over. */
    step: required('int'),
    /** The turn that goes on with it, or asks anew; null for a branch without a turn of its own yet. */
    new_turn: optional('text'),
    tools: required('text'),
    instructions: optional('text'),
    model: optional('text'),
    /** Options of the model that are different; null = none. */
    model_options: optional('jsonb'),
    changes: required('jsonb'),
  },
  indexes: ['(tenant, thread)'],
});

/** What does not hold any more in a fork of that which it inherited: ended, replaced or removed there, and only there. */
export const forkEndView = defineView({
  name: 'fork_end',
  key: ['item', 'fork'],
  columns: { item: required('text'), fork: required('text') },
});
