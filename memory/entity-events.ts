import type { Event } from './event-shape.ts';
import type { Scope } from './scope.ts';

/** Names that a person or a program says are of one thing. Facts stay as they are: whoever reads them takes the names for one. */
export type EntitiesMerged = Event<
  'EntitiesMerged',
  {
    merge: string;
    scope: Scope;
    /** The name that stands for all of them. */
    into: string;
    /** The other names. */
    names: readonly { readonly name: string }[];
    actor: string;
    reason: string;
  }
>;

/** A merge that is taken back: the names are what they were without it. */
export type EntitiesSplit = Event<'EntitiesSplit', { merge: string; scope: Scope; actor: string; reason: string }>;

/** Every event about entities. */
export type EntityEvent = EntitiesMerged | EntitiesSplit;
