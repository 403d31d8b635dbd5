import type { Scope } from '../memory/scope.ts';
import { scopeStream } from '../memory/scope.ts';

/** The columns in which views hold a scope; null = shared by all, `fork` '' = written outside of forks. */
export function scopeColumns(scope: Scope): {
  scope_user: string | null;
  scope_agent: string | null;
  scope_thread: string | null;
  fork: string;
} {
  return {
    scope_user: scope.user ?? null,
    scope_agent: scope.agent ?? null,
    scope_thread: scope.thread ?? null,
    fork: scope.fork ?? '',
  };
}

/** The scope that a row's columns hold; without `fork` that of rows that are written outside of forks only. */
export function scopeOfRow(row: Omit<ReturnType<typeof scopeColumns>, 'fork'> & { readonly fork?: string }): Scope {
  const { scope_user: user, scope_agent: agent, scope_thread: thread, fork = '' } = row;
  return {
    ...(user === null ? {} : { user }),
    ...(agent === null ? {} : { agent }),
    ...(thread === null ? {} : { thread }),
    ...(fork === '' ? {} : { fork }),
  };
}

/** One text per scope, the same in every fork: a fork's block stands in for the inherited one of the same scope. */
export function scopeKey({ fork: _fork, ...scope }: Scope): string {
  return scopeStream('', scope);
}

/** What a block is called among the things a fork may end: its scope and label in one text (a scope's has no space). */
export function blockItem(scope: Scope, label: string): string {
  return `${scopeKey(scope)} ${label}`;
}
