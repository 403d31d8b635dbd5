import type { EntityNames } from '../entities/names.ts';
import { isAlias } from '../entities/names.ts';
import { cuesOf, relationKey } from '../relations.ts';
import { normaliseText } from '../text.ts';
import type { Shelf } from './shelf.ts';
import type { Sight } from './sight.ts';
import { termsOf } from './terms.ts';

/** What a fact links: the normalised names at both ends, and the relation's family. */
export interface FactLink {
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
}

/** How a memory hangs together with what a question names. */
export interface Reached {
  /** 0 to 1; higher is nearer, and more of what the question asks about stands on the way. */
  readonly score: number;
  /** Facts between what is named and this one; 0 for a fact about it that says who is meant ("my sister"). */
  readonly hops: number;
}

/** Hops from what a question names. */
const mostHops = 2;
/** Facts that are followed from each name, that are looked at for it, and that are followed in all. */
const mostPerName = 200;
const mostSeen = 5_000;
const mostFacts = 2_000;
/** Facts whose rounds are candidates, too. */
const mostSources = 50;
/** Longest value that links: a sentence is no name. */
const longestName = 80;
const mostWords = 5;
/** What a round is worth of the fact that was drawn from it. */
const sourceShare = 0.5;
const perHop = 0.95;
const firstPerson: ReadonlySet<string> = new Set(
  'i me my mine we us our ours ich mich mir mein meine meiner meinem meinen wir uns unser unsere je moi mon ma mes nous notre nos yo mi mis me nosotros nuestro nuestra eu meu minha meus minhas nos nosso nossa'.split(
    ' ',
  ),
);

/** The link of a fact; null where it is no fact, or one of its ends is empty or a whole sentence. */
export function linkOf(
  fact: { readonly subject: string; readonly relation: string; readonly value: string } | null,
): FactLink | null {
  if (fact === null || fact.subject.length > longestName || fact.value.length > longestName) return null;
  const [subject, value] = [normaliseText(fact.subject), normaliseText(fact.value)];
  return subject === '' || value === '' ? null : { subject, relation: relationKey(fact.relation), value };
}

/** What is searched: each entry is named by its shelf and its index there. */
interface Seen {
  readonly shelf: Shelf;
  readonly sight: Sight;
}

interface Place {
  readonly s: number;
  readonly index: number;
}

/** A name on the way, with the words of the question that led to it. */
interface Step {
  readonly name: string;
  readonly matched: ReadonlySet<string>;
}

/** What was reached on each shelf, by index of entry; null where the question names nothing that facts link. */
export type ReachedEntries = readonly ReadonlyMap<number, Reached>[];

/**
 * Walks from what a question names along the facts that are visible: two hops at most, over a bounded number of facts. "My sister" names
 * whoever a fact of the user says it is. A fact counts more the more of what the question asks about stood on the way to it (relations have cues:
 * "husband", "work"), and less on a name that everything hangs on. The rounds that facts were drawn from are reached through them.
 */
export function walkLinks(seen: readonly Seen[], question: string, names: EntityNames): ReachedEntries | null {
  if (seen.every(({ shelf }) => shelf.links.size === 0)) return null;
  const words = normaliseText(question).split(' ').slice(0, 200);
  const { named, rest } = findNames(seen, words, names);
  const asked = new Set(rest.filter((word) => termsOf(word).length > 0));
  const walk = openWalk(seen, names, asked);
  const none: ReadonlySet<string> = new Set();
  let frontier: Step[] = [...named].map((name) => ({ name, matched: none }));
  if (named.size === 0 || words.some((word) => firstPerson.has(word)))
    frontier = mergeSteps([...frontier, ...walk.visit({ name: 'user', matched: none }, 0, 'asked')]);
  for (let hop = 1; hop <= mostHops && frontier.length > 0; hop++)
    frontier = mergeSteps(
      frontier.flatMap((step) => walk.visit(step, hop - 1 + (named.has(step.name) ? 0 : 1), 'all')),
    );
  return walk.finish();
}

/** The names in a question, the longest first, and the words that are no part of any. */
function findNames(
  seen: readonly Seen[],
  words: readonly string[],
  names: EntityNames,
): { readonly named: ReadonlySet<string>; readonly rest: readonly string[] } {
  const named = new Set<string>();
  const taken = new Set<number>();
  for (let length = Math.min(mostWords, words.length); length > 0; length--) {
    for (let first = 0; first + length <= words.length; first++) {
      const places = Array.from({ length }, (_, at) => first + at);
      if (places.some((place) => taken.has(place))) continue;
      const name = places.map((place) => words[place] ?? '').join(' ');
      // "I" and "the" are nobody's name here; neither is "user".
      if (name === 'user' || (length === 1 && termsOf(name).length === 0)) continue;
      if (!spellingsOf(name, names).some((one) => seen.some(({ shelf }) => shelf.links.has(one)))) continue;
      named.add(names.keyOf(name));
      for (const place of places) taken.add(place);
    }
  }
  return { named, rest: words.filter((_, place) => !taken.has(place)) };
}

function spellingsOf(name: string, names: EntityNames): readonly string[] {
  return names.groupOf(name)?.keys ?? [name];
}

/** One step per name: the one with more of the question behind it. */
function mergeSteps(steps: readonly Step[]): Step[] {
  const best = new Map<string, Step>();
  for (const step of steps) {
    const known = best.get(step.name);
    if (!known || step.matched.size > known.matched.size) best.set(step.name, step);
  }
  return [...best.values()];
}

interface Found extends Place {
  readonly hops: number;
  readonly matched: ReadonlySet<string>;
  /** The question asks for its own relation. */
  readonly isAsked: boolean;
  /** Facts on the name that it was reached through. */
  readonly crowd: number;
  readonly turn: string;
}

function openWalk(seen: readonly Seen[], names: EntityNames, asked: ReadonlySet<string>) {
  const found = new Map<string, Found>();
  const cues = new Map<string, readonly string[]>();
  let looked = 0;
  const cuedBy = (relation: string): readonly string[] => {
    const known = cues.get(relation);
    if (known) return known;
    const own = cuesOf(relation);
    // The beginning of a short cue begins too much: "car" is not "carry".
    const words = [...asked].filter((word) =>
      own.some((cue) => cue === word || (cue.length > 3 && word.startsWith(cue))),
    );
    cues.set(relation, words);
    return words;
  };
  const placesOf = (name: string): { place: Place; link: FactLink; turn: string }[] =>
    seen.flatMap(({ shelf, sight }, s) =>
      spellingsOf(name, names).flatMap((spelling) => {
        const indexes = shelf.links.get(spelling) ?? [];
        // The newest of a crowd.
        return indexes.slice(-mostSeen).flatMap((index) => {
          const entry = shelf.entries[index];
          return entry?.link && sight.isVisible[index] === 1
            ? [{ place: { s, index }, link: entry.link, turn: entry.turn }]
            : [];
        });
      }),
    );
  return {
    /** Looks at the facts of a name; gives the names at their other ends. `asked` goes only where the question asks for. */
    visit({ name, matched }: Step, hops: number, where: 'all' | 'asked'): Step[] {
      const all = placesOf(name).map((one) => ({ ...one, own: cuedBy(one.link.relation) }));
      const here = (where === 'all' ? all : all.filter(({ own }) => own.length > 0)).slice(-mostPerName);
      const steps: Step[] = [];
      for (const { place, link, turn, own } of here) {
        const isSame = isAlias(link.relation);
        if (++looked > mostFacts) return steps;
        const words = own.every((word) => matched.has(word)) ? matched : new Set([...matched, ...own]);
        const id = `${place.s}/${place.index}`;
        const known = found.get(id);
        if (!known || words.size > known.matched.size)
          found.set(id, {
            ...place,
            hops,
            matched: words,
            isAsked: own.length > 0 || isSame,
            crowd: here.length,
            turn,
          });
        for (const end of [link.subject, link.value].map((one) => names.keyOf(one)))
          if (end !== name && end !== 'user') steps.push({ name: end, matched: words });
      }
      return steps;
    },
    finish(): ReachedEntries {
      const isAnyAsked = [...found.values()].some(({ isAsked }) => isAsked);
      const reached = seen.map(() => new Map<number, Reached>());
      const put = ({ s, index }: Place, one: Reached): void => {
        const known = reached[s]?.get(index);
        if (!known || one.score > known.score) reached[s]?.set(index, one);
      };
      const scored = [...found.values()].map((one) => {
        // Of all that the question asks about, not of what relations know: "how many days did I work on it" asks for no employer.
        const share = asked.size === 0 ? 0.5 : one.matched.size / asked.size;
        const crowd = 1 / (1 + 0.001 * (one.crowd - 1) ** 2);
        const score = perHop ** one.hops * crowd * (0.4 + 0.6 * share) * (isAnyAsked && !one.isAsked ? 0.5 : 1);
        return { ...one, score };
      });
      for (const one of scored) put(one, { score: one.score, hops: one.hops });
      scored.sort((a, b) => b.score - a.score || a.s - b.s || a.index - b.index);
      for (const { turn, score, hops } of scored.slice(0, mostSources))
        seen.forEach(({ shelf, sight }, s) => {
          for (const index of shelf.saidIn(turn))
            if (sight.isVisible[index] === 1) put({ s, index }, { score: score * sourceShare, hops });
        });
      return reached;
    },
  };
}
