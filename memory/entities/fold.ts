import { relationKey } from '../relations.ts';
import { compareTexts, normaliseText } from '../text.ts';
import type { EntityKind } from './kinds.ts';
import { kindOfSubject, kindOfValue } from './kinds.ts';
import type { EntityNames, NameLink, NamingFact } from './names.ts';

/** A thing that facts name: a view of them. */
export interface Entity {
  /** Made of the name that stands for it. */
  readonly entity: string;
  /** As it was first written. */
  readonly name: string;
  /** Null where the facts do not tell, or tell different things. */
  readonly kind: EntityKind | null;
  /** The other names and spellings, in order. */
  readonly aliases: readonly string[];
  /** Why its names are one; empty where it has one. */
  readonly joinedBy: readonly NameLink[];
  /** The facts that name it, in the order of the log; at least one. */
  readonly facts: readonly string[];
}

/** One end of a fact that names an entity. */
export interface EntityMention {
  readonly entity: string;
  readonly as: 'subject' | 'value';
}

/** The entities of a list of facts. */
export interface FoldedEntities {
  /** By name. */
  readonly entities: readonly Entity[];
  /** Which entities a fact names, by its id. */
  readonly mentions: ReadonlyMap<string, readonly EntityMention[]>;
  /** The entity that a name, or the id of one of its names, is of. */
  find(name: string): Entity | undefined;
}

/** Longest value that is taken for a name. */
const longestName = 80;
const mostWords = 6;

/**
 * Folds entities from facts, held or past: every subject, and every value that names something. A value does when its relation says so
 * (a home, an employer, a sister), when it is the subject of another fact, or when it was joined with another name.
 * @param idOf gives the id of a normalised name
 */
export function foldEntities(
  facts: readonly NamingFact[],
  { names, idOf }: { readonly names: EntityNames; readonly idOf: (key: string) => string },
): FoldedEntities {
  const stated = facts.filter(({ kind, subject }) => kind !== 'observation' && normaliseText(subject) !== '');
  const subjects = new Set(stated.map(({ subject }) => normaliseText(subject)));
  const open = new Map<string, OpenEntity>();
  const mentions = new Map<string, EntityMention[]>();
  const mention = (fact: NamingFact, as: EntityMention['as']): void => {
    const spelling = fact[as].trim();
    const key = names.keyOf(spelling);
    const own: OpenEntity = open.get(key) ?? { spellings: new Map(), facts: new Set(), kinds: new Map() };
    open.set(key, own);
    if (!own.spellings.has(spelling)) own.spellings.set(spelling, normaliseText(spelling));
    own.facts.add(fact.fact);
    const kind = as === 'subject' ? kindOfSubject(fact.relation) : kindOfValue(fact.relation);
    if (kind !== null) own.kinds.set(kind, (own.kinds.get(kind) ?? 0) + 1);
    const list = mentions.get(fact.fact) ?? [];
    mentions.set(fact.fact, list);
    if (!list.some(({ entity }) => entity === idOf(key))) list.push({ entity: idOf(key), as });
  };
  for (const fact of stated) {
    mention(fact, 'subject');
    if (namesThing(fact, subjects, names)) mention(fact, 'value');
  }
  const byId = new Map<string, Entity>();
  const entities = [...open].map(([key, own]): Entity => {
    const group = names.groupOf(key);
    const spellings = [...own.spellings];
    const name = spellings.find(([, normalised]) => normalised === key)?.[0] ?? spellings[0]?.[0] ?? key;
    const entity: Entity = {
      entity: idOf(key),
      name,
      kind: key === 'user' ? 'person' : mostStated(own.kinds),
      aliases: [...own.spellings.keys()].filter((spelling) => spelling !== name).sort(compareTexts),
      joinedBy: group?.links ?? [],
      facts: [...own.facts],
    };
    // The ids of the names that it was joined from still lead to it.
    for (const each of group?.keys ?? [key]) byId.set(idOf(each), entity);
    return entity;
  });
  return {
    entities: entities.sort((a, b) => compareTexts(normaliseText(a.name), normaliseText(b.name))),
    mentions,
    find: (name) => byId.get(name) ?? byId.get(idOf(names.keyOf(name))),
  };
}

interface OpenEntity {
  /** As written, with what each is normalised; the first one first. */
  readonly spellings: Map<string, string>;
  readonly facts: Set<string>;
  readonly kinds: Map<EntityKind, number>;
}

function namesThing({ relation, value }: NamingFact, subjects: ReadonlySet<string>, names: EntityNames): boolean {
  const key = normaliseText(value);
  if (key === '' || value.trim().length > longestName || key.split(' ').length > mostWords) return false;
  return kindOfValue(relation) !== null || subjects.has(key) || names.groupOf(key) !== undefined;
}

function mostStated(kinds: ReadonlyMap<EntityKind, number>): EntityKind | null {
  const [first, second] = [...kinds].sort((a, b) => b[1] - a[1]);
  return first === undefined || first[1] === second?.[1] ? null : first[0];
}

/** A relation of an entity over time: a fact that names it. */
export interface EntityRelation<Fact> {
  /** The name that stands for the relation's family. */
  readonly relation: string;
  /** `of`: the fact is about the entity; `to`: it names the entity as the value. */
  readonly direction: 'of' | 'to';
  /** The entity at the other end; null where that is no named thing. */
  readonly other: { readonly entity: string; readonly name: string } | null;
  /** The evidence: when it held, and who said so. */
  readonly fact: Fact;
}

/** The relations of an entity, those that began first first. */
export function relationsOf<Fact extends NamingFact & { readonly validFrom: Date }>(
  entity: Entity,
  facts: readonly Fact[],
  folded: FoldedEntities,
): EntityRelation<Fact>[] {
  const own = new Set(entity.facts);
  return facts
    .filter(({ fact }) => own.has(fact))
    .map((fact): EntityRelation<Fact> => {
      const ends = folded.mentions.get(fact.fact) ?? [];
      const direction = ends.some((end) => end.entity === entity.entity && end.as === 'subject') ? 'of' : 'to';
      const far = ends.find((end) => end.entity !== entity.entity);
      const other = far === undefined ? undefined : folded.find(far.entity);
      return {
        relation: relationKey(fact.relation),
        direction,
        other: other === undefined ? null : { entity: other.entity, name: other.name },
        fact,
      };
    })
    .sort((a, b) => a.fact.validFrom.getTime() - b.fact.validFrom.getTime() || compareTexts(a.fact.fact, b.fact.fact));
}
