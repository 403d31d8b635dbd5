import { forgetSubject } from '../eventstore/index.ts';
import type { ForgetReceipt, KeyWrapper, ReadArchived } from '../eventstore/index.ts';
import { userSubject } from '../memory/subject.ts';
import { holdfastSchema } from '../projections/index.ts';

/** Whom to forget, and on whose word. */
export interface ForgetUser {
  readonly user: string;
  /** Who asked for it, and why. Both are recorded for ever, so they must not hold personal text. */
  readonly actor: string;
  readonly reason: string;
  /** Only count what would be forgotten. @default false */
  readonly dryRun?: boolean;
  /** Way to archived events; needed where the log was archived. @default none */
  readonly archived?: ReadArchived;
}

/** Where it is forgotten. */
export interface ForgetPlace {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  readonly tenant: string;
  readonly keyWrapper: KeyWrapper | undefined;
}

/**
 * Forgets a user: every text about them in the log, in memory, in prompts and in tool calls, with its vectors. Their turns that are under way
 * end as failed. Throws UnknownSubjectError, KeyUnavailableError and what else `forgetSubject` throws.
 */
export function forgetUser(
  { adminUrl, tenant, keyWrapper }: ForgetPlace,
  { user, ...request }: ForgetUser,
): Promise<ForgetReceipt> {
  const schema = keyWrapper ? { ...holdfastSchema, keyWrapper } : holdfastSchema;
  return forgetSubject({ adminUrl, schema, tenant, subject: userSubject(user), ...request });
}
