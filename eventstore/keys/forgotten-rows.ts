import { ProjectionLawError } from '../errors-keys.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import type { Operation, Projection, View } from '../views/view.ts';

/** What has to become of the rows of one view, so that they are those that a fresh fold of the log gives. */
export interface RowChanges {
  readonly view: View;
  /** Rows by key and `from_pos`, with every column as it is now. */
  readonly update: Readonly<Record<string, unknown>>[];
  /** Rows by key and `from_pos`. */
  readonly remove: Readonly<Record<string, unknown>>[];
}

/** Collects what forgetting changes in views, event by event. */
export interface ForgottenRows<E extends EventShape> {
  /**
   * Compares what every projection makes of an event with what it makes of it now that it is forgotten. Throws ProjectionLawError.
   * @param before the event with its personal fields, at the same position as `after`, with tombstones
   */
  add(before: StoredEvent<E>, after: StoredEvent<E>): void;
  /** Throws ProjectionLawError when rows vanish from a view in which presence decides what a later event does. */
  changes(): RowChanges[];
}

/** Opens a collection for the views of some projections. */
export function collectForgottenRows<E extends EventShape>(projections: readonly Projection<E>[]): ForgottenRows<E> {
  const collected = new Map<string, RowChanges>();
  const views = new Map(projections.flatMap((projection) => projection.views.map((view) => [view.name, view])));
  /** Views from which rows vanish, and views whose rows are ensured, with who does it. */
  const vanishing = new Map<string, { readonly projection: string; readonly type: string }>();
  const ensured = new Set<string>();
  const changesOf = (name: string): RowChanges => {
    const view = views.get(name);
    if (!view) throw new Error(`There is no view "${name}".`);
    const known = collected.get(name) ?? { view, update: [], remove: [] };
    collected.set(name, known);
    return known;
  };

  return {
    add(before, after) {
      for (const projection of projections) {
        const where = { projection: projection.name, type: before.type };
        const pairs = pairOperations(projection.project(before), projection.project(after), where);
        for (const [operation, left] of pairs) {
          if (operation.op === 'ensure') ensured.add(operation.view);
          if (operation.op === 'close') continue;
          const { update, remove } = changesOf(operation.view);
          if (!left) {
            vanishing.set(operation.view, where);
            remove.push(rowAt(views.get(operation.view)?.key ?? [], operation, before.position));
          } else if (JSON.stringify(operation.row) !== JSON.stringify(left.row)) {
            update.push({ ...complete(views.get(operation.view), left.row, where), from_pos: before.position });
          }
        }
      }
    },
    changes() {
      for (const [view, { projection, type }] of vanishing) {
        if (!ensured.has(view)) continue;
        throw new ProjectionLawError(
          projection,
          type,
          `rows of view "${view}" would vanish, and others are ensured in it`,
        );
      }
      return [...collected.values()].filter(({ update, remove }) => update.length + remove.length > 0);
    },
  };
}

/** Pairs what was done with what is still done; undefined for a row that is no longer opened. */
function pairOperations(
  before: readonly Operation[],
  after: readonly Operation[],
  { projection, type }: { readonly projection: string; readonly type: string },
): (readonly [Operation, Operation | undefined])[] {
  let next = 0;
  const pairs = before.map((operation) => {
    const left = after[next];
    if (left?.view === operation.view && left.op === operation.op && left.key === operation.key) {
      next += 1;
      return [operation, left] as const;
    }
    if (operation.op === 'open') return [operation, undefined] as const;
    throw new ProjectionLawError(projection, type, `it no longer does "${operation.op}" in view "${operation.view}"`);
  });
  const more = after[next];
  if (more)
    throw new ProjectionLawError(projection, type, `it does "${more.op}" of another key in view "${more.view}"`);
  return pairs;
}

/** The row, if every column that needs a value has one. */
function complete(
  view: View | undefined,
  row: Operation['row'],
  { projection, type }: { readonly projection: string; readonly type: string },
): Operation['row'] {
  for (const [name, { nullable }] of Object.entries(view?.columns ?? {})) {
    if (nullable || (row[name] ?? null) !== null) continue;
    throw new ProjectionLawError(projection, type, `column "${name}" of view "${view?.name ?? ''}" would be null`);
  }
  return row;
}

function rowAt(key: readonly string[], { row }: Operation, position: Position): Record<string, unknown> {
  return { ...Object.fromEntries(key.map((column) => [column, row[column]])), from_pos: position };
}
