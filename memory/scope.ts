/**
 * Where a memory lives inside a tenant. An absent part means "shared by all": a memory of `{user: 'ana'}` is seen by every
 * agent and in every thread of Ana. Parts are compared one by one, never as a joined string.
 */
export interface Scope {
  readonly user?: string;
  readonly agent?: string;
  readonly thread?: string;
  /** The fork that wrote it (see `forkOf`); what was written outside of forks has none and is seen in all of them as of where they left. */
  readonly fork?: string;
}

/** Name of the first line of history of every thread. */
export const mainBranch = 'main';

/** What a fork's own memories are marked with; undefined for the main branch, whose memories are everybody's. */
export function forkOf({ thread, branch }: { readonly thread: string; readonly branch: string }): string | undefined {
  return branch === mainBranch ? undefined : `${encodeURIComponent(thread)}/${encodeURIComponent(branch)}`;
}

/** True when a memory that lives in `memory` may be read from `reader`: each part it names is the reader's. */
export function isVisible(memory: Scope, reader: Scope): boolean {
  return (['user', 'agent', 'thread', 'fork'] as const).every(
    (part) => memory[part] === undefined || memory[part] === reader[part],
  );
}

/** A stream name that no two scopes share: each part is percent-encoded, so no value can imitate a separator. */
export function scopeStream(prefix: string, scope: Scope): string {
  const part = (letter: string, value: string | undefined): string =>
    value === undefined ? '' : `/${letter}=${encodeURIComponent(value)}`;
  return `${prefix}${part('u', scope.user)}${part('a', scope.agent)}${part('t', scope.thread)}${part('f', scope.fork)}`;
}

/**
 * Where the memories of a turn go. With a user they follow the user to every thread; without one they stay in the thread:
 * a memory of nobody in particular must not show up in a stranger's conversation.
 * What is written on a fork stays in the fork.
 */
export function turnScope({
  user,
  thread,
  branch = mainBranch,
}: {
  readonly user: string | null;
  readonly thread: string;
  readonly branch?: string;
}): Scope {
  const fork = forkOf({ thread, branch });
  return { ...(user === null ? { thread } : { user }), ...(fork === undefined ? {} : { fork }) };
}
