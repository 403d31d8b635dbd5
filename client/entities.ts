import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { Moment, NewEvent } from '../eventstore/index.ts';
import type { Entity, EntityRelation } from '../memory/entities/fold.ts';
import { relationsOf } from '../memory/entities/fold.ts';
import type { EntityKind } from '../memory/entities/kinds.ts';
import { joinNames } from '../memory/entities/names.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { normaliseText } from '../memory/text.ts';
import { nameOf, sha256 } from '../projections/digest.ts';
import type { MergeRow, ReadEntities } from '../projections/entities/queries.ts';
import { entityId, listMerges, readEntities } from '../projections/entities/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { scopeKey } from '../projections/scope-columns.ts';
import type { FactRow } from '../projections/semantic/queries.ts';
import { streamVersion } from '../projections/stream-version.ts';
import { isActor } from './actor.ts';
import { EntityNotFoundError, InvalidMergeError, MergeNotFoundError } from './entity-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** An entity with what is known of it over time. */
export interface EntityRow extends Entity {
  /** Every fact that names it, held or past, with when it held and who said so; those that began first first. */
  readonly relations: readonly EntityRelation<FactRow>[];
  /** The merges that its names were joined by, oldest first. */
  readonly merges: readonly MergeRow[];
}

/** Whose entities, as of when. */
export interface EntitiesRequest {
  readonly scope: Scope;
  /** @default all kinds, and those that are of none */
  readonly kind?: EntityKind;
  readonly at?: Moment;
}

interface ChangedEntities {
  /** Exactly this scope, and this fork of it, if it names one. */
  readonly scope: Scope;
  readonly actor: string;
  readonly reason: string;
  /** Names this call: repeated with the same key, it does nothing. @default what stands decides alone */
  readonly idempotencyKey?: string;
}

/** Entities that are one. */
export interface MergeEntities extends ChangedEntities {
  /** The one whose name stands for all: an id or a name. */
  readonly into: string;
  /** The others, by id or name. */
  readonly entities: readonly string[];
}

/** A merge to take back. */
export interface SplitEntity extends ChangedEntities {
  readonly merge: string;
}

/** What became of a merge or of taking one back. */
export interface MergeReceipt {
  /** The merge; of names that were one already, the last one that joined any of them. */
  readonly merge: string;
  /** True when this call, or an earlier one with its key, did it; false when it was so already. */
  readonly applied: boolean;
  /** Position of the event; 0 when nothing was written. */
  readonly position: number;
}

/** Entities, as a client reads and joins them. */
export interface MemoryEntities {
  /** The people, places and things that a scope's facts name, by name. */
  entities(request: EntitiesRequest): Promise<Entity[]>;
  /** One of them by its id or any of its names, with its relations over time. Throws EntityNotFoundError. */
  entity(request: { readonly entity: string; readonly scope: Scope; readonly at?: Moment }): Promise<EntityRow>;
  /** Has entities be one from now on; no fact is changed. Names that are one already stay so, and nothing is written. */
  mergeEntities(request: MergeEntities): Promise<MergeReceipt>;
  /** Takes a merge back: each name is again what it was. */
  splitEntity(request: SplitEntity): Promise<MergeReceipt>;
}

/** Gives the entities of a client's tenant. */
export function createMemoryEntities(context: ClientContext): MemoryEntities {
  const read = async <T>(query: (reader: ViewReader) => Promise<T>, at?: Moment): Promise<T> =>
    readViews(context.pool, await context.store.tenantNumber(context.tenant), query, { at });
  return {
    entities: async ({ scope, kind, at }) => {
      const { entities } = await read((reader) => readEntities(reader, scope), at);
      return entities.filter((entity) => kind === undefined || entity.kind === kind);
    },
    entity: async ({ entity: asked, scope, at }) => {
      const known = await read((reader) => readEntities(reader, scope), at);
      const entity = known.find(asked);
      if (!entity) throw new EntityNotFoundError(asked);
      const merges = new Set(entity.joinedBy.flatMap(({ by, id }) => (by === 'merge' ? [id] : [])));
      return {
        ...entity,
        relations: relationsOf(entity, known.facts, known),
        merges: known.merges.filter(({ merge }) => merges.has(merge)),
      };
    },
    mergeEntities: (request) => mergeEntities(context, request),
    splitEntity: (request) => splitEntity(context, request),
  };
}

const mostNames = 100;

/**
 * Says that entities are one. Decided against the names that stand, under the version check of the scope's memory: of two calls at once the later
 * one is decided again. Throws EntityNotFoundError, InvalidMergeError and the errors of the store.
 */
export async function mergeEntities(context: ClientContext, request: MergeEntities): Promise<MergeReceipt> {
  const { scope, into, entities, actor, reason } = request;
  assertChange(request);
  if (entities.length === 0 || entities.length > mostNames)
    throw new InvalidMergeError(`A merge needs 1 to ${mostNames} other entities; ${entities.length} were given.`);
  return change(context, request, async (reader) => {
    const known = await readEntities(reader, scope);
    const [target, ...others] = [into, ...entities].map((one) => nameFor(one, scope, known));
    if (target === undefined) throw new EntityNotFoundError(into);
    // What a fact says is one may be taken back with the fact: only what was merged counts as merged.
    const merged = joinNames(known.merges, []);
    const names = others.filter((name) => merged.keyOf(name) !== merged.keyOf(target));
    const [first] = names;
    if (first === undefined) {
      if (others.every((name) => normaliseText(name) === normaliseText(target)))
        throw new InvalidMergeError(`"${target}" cannot be merged with itself.`);
      const last = merged.groupOf(target)?.links.findLast(({ by }) => by === 'merge');
      return { known: last?.id ?? '' };
    }
    return {
      event: (merge) => ({
        ...{ type: 'EntitiesMerged', stream: streams.memory(scope), subjects: subjectsOf(scope) },
        data: { merge, scope, into: target, names: names.map((name) => ({ name })), actor, reason },
      }),
    };
  });
}

/** Takes a merge back. Throws MergeNotFoundError, InvalidMergeError and the errors of the store. */
export async function splitEntity(context: ClientContext, request: SplitEntity): Promise<MergeReceipt> {
  const { scope, merge, actor, reason } = request;
  assertChange(request);
  return change(context, request, async (reader) => {
    const own = await listMerges(reader, scope, { past: true, only: merge });
    if (!own.some((row) => scopeKey(row.scope) === scopeKey(scope))) throw new MergeNotFoundError(merge);
    if ((await listMerges(reader, scope, { only: merge })).length === 0) return { known: merge };
    return {
      merge,
      event: () => ({
        ...{ type: 'EntitiesSplit', stream: streams.memory(scope), subjects: subjectsOf(scope) },
        data: { merge, scope, actor, reason },
      }),
    };
  });
}

type Decided =
  { readonly known: string } | { readonly merge?: string; readonly event: (merge: string) => NewEvent<MemoryEvent> };

async function change(
  context: ClientContext,
  { scope, actor, idempotencyKey }: ChangedEntities,
  decide: (reader: ViewReader) => Promise<Decided>,
): Promise<MergeReceipt> {
  const keyed = idempotencyKey === undefined ? null : commands.entities(scope, `k=${nameOf([idempotencyKey])}`);
  const doneBefore = async (): Promise<MergeReceipt | undefined> => {
    const first = keyed === null ? undefined : await context.store.readCommand(context.tenant, keyed);
    return first && { ...(first.result as { merge: string }), applied: true, position: first.lastPosition };
  };
  const before = await doneBefore();
  if (before) return before;
  const tenant = await context.store.tenantNumber(context.tenant);
  const stream = streams.memory(scope);
  for (;;) {
    const { decided, version, readAt } = await readViews(context.pool, tenant, async (reader) => ({
      decided: await decide(reader),
      version: await streamVersion(reader, stream),
      readAt: reader.position,
    }));
    // Known, perhaps, by the same call, which was made at the same time.
    if ('known' in decided) return (await doneBefore()) ?? { merge: decided.known, applied: false, position: 0 };
    const id = keyed ?? commands.entities(scope, String(version));
    const merge = decided.merge ?? `g-${sha256(id).slice(0, 16)}`;
    try {
      const { result, lastPosition, bodyDiffers } = await context.store.append<{ merge: string }>(context.tenant, {
        id,
        streams: [{ name: stream, expectedVersion: version }],
        events: [decided.event(merge)],
        // Of a user who was forgotten meanwhile nothing comes back.
        readAt,
        meta: { actor },
        result: { merge },
      });
      // Without a key, two that saw the same version have one id: somebody else's stands, and is looked at.
      if (keyed !== null || !bodyDiffers) return { merge: result.merge, applied: true, position: lastPosition };
    } catch (error) {
      if (!(error instanceof ExpectedVersionConflictError)) throw error;
    }
  }
}

function assertChange({ actor, reason, idempotencyKey }: ChangedEntities): void {
  if (!isActor(actor)) throw new InvalidMergeError('A merge needs an actor of 1 to 200 plain characters.');
  if (reason.trim() === '' || reason.length > 1_000)
    throw new InvalidMergeError('A merge needs a reason of 1 to 1000 characters.');
  if (idempotencyKey === '') throw new InvalidMergeError('An idempotency key must not be empty.');
}

/** The name that is meant: the one that was written, or the one that has the id. */
function nameFor(asked: string, scope: Scope, known: ReadEntities): string {
  const entity = known.find(asked);
  if (!entity) throw new EntityNotFoundError(asked);
  const spellings = [entity.name, ...entity.aliases];
  return (
    spellings.find((name) => name === asked) ??
    spellings.find((name) => normaliseText(name) === normaliseText(asked)) ??
    spellings.find((name) => entityId(scope, normaliseText(name)) === asked) ??
    entity.name
  );
}
