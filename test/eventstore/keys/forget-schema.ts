import { localKeyWrapper } from '../../../eventstore/index.ts';
import { masterKey, viewedSchema } from './personal-shapes.ts';

/** The schema of sayings with views and keys. */
export const schema = { ...viewedSchema, keyWrapper: localKeyWrapper(masterKey) };
