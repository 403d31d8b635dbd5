import type { Scope } from '../memory/scope.ts';

/** The columns in which views hold a scope; null = shared by all. */
export function scopeColumns(scope: Scope): {
  scope_user: string | null;
  scope_agent: string | null;
  scope_thread: string | null;
} {
  return { scope_user: scope.user ?? null, scope_agent: scope.agent ?? null, scope_thread: scope.thread ?? null };
}
