import type { Scope } from './scope.ts';

/** The subject that events about a user name: what `forget` forgets. User ids should be pseudonyms, for they stay in the log. */
export function userSubject(user: string): string {
  return `user:${user}`;
}

/** Whom the memories of a scope are about; nobody without a user. */
export function subjectsOf({ user }: Pick<Scope, 'user'>): string[] {
  return user === undefined ? [] : [userSubject(user)];
}
