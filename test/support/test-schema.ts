import { localKeyWrapper } from '../../eventstore/index.ts';
import type { LogSchema } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { holdfastSchema } from '../../projections/index.ts';

/** The master key of every test: what one process of a test writes, another one reads. */
export const testMasterKey = '0123456789abcdef'.repeat(4);

/** Opens subjects' keys under the master key of the tests. */
export const testKeyWrapper = localKeyWrapper(testMasterKey);

/** Holdfast's schema with the way to the keys. */
export const testSchema: LogSchema<MemoryEvent> = { ...holdfastSchema, keyWrapper: testKeyWrapper };
