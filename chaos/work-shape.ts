import type { HoldfastClient } from '../client/index.ts';
import type { Facts, WorkKind } from './history.ts';

/** One thing a client wants, that it may ask for again under the same key. */
export interface Work {
  readonly kind: WorkKind;
  /** Unique in the run. */
  readonly op: string;
  /** What is known when it is asked. */
  readonly facts: Facts;
  /** Asks once. Gives what was told; throws when nothing was, or when it is not known what came of it. */
  readonly ask: (client: HoldfastClient) => Promise<Facts>;
  /** What is done after it was acknowledged, in order. */
  readonly then?: (told: Facts) => readonly Work[];
}
