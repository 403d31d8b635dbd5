import type { RawBuilder, SqlBool } from 'kysely';
import { sql } from 'kysely';
import type { Scope } from '../memory/scope.ts';

const parts = ['user', 'agent', 'thread'] as const;

/** Condition: the scope of the table's row is one the reader may read from (see `isVisible` in memory/scope.ts). */
export function visibleTo(reader: Scope, table: string): RawBuilder<SqlBool> {
  return all((part) => {
    const column = sql.ref(`${table}.scope_${part}`);
    return reader[part] === undefined
      ? sql`${column} is null`
      : sql`(${column} is null or ${column} = ${reader[part]})`;
  });
}

/** Condition: the table's row lives in exactly this scope. */
export function livesIn(scope: Scope, table: string): RawBuilder<SqlBool> {
  return all((part) => {
    const column = sql.ref(`${table}.scope_${part}`);
    return scope[part] === undefined ? sql`${column} is null` : sql`${column} = ${scope[part]}`;
  });
}

function all(condition: (part: (typeof parts)[number]) => RawBuilder<unknown>): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${sql.join(parts.map(condition), sql` and `)})`;
}
