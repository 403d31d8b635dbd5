import type { Source, Trust } from '../events.ts';
import { judgeUse } from '../procedure-use.ts';
import { termsOf, wordsOf } from '../recall/terms.ts';
import { compareTexts, normaliseText } from '../text.ts';
import { lessTrusted } from '../trust.ts';
import { itemKey } from './item-key.ts';

/** A turn that called tools: what was asked, how it ended, and its calls but those of memory's own tools. */
export interface WorkedTurn {
  readonly source: Source;
  readonly message: string;
  readonly occurredAt: string;
  readonly status: string;
  readonly code: string | null;
  readonly calls: readonly { readonly tool: string; readonly outcome: string; readonly arguments: unknown }[];
  /** The least trusted of what its calls may rest on. */
  readonly trust: Trust;
}

/** A playbook of the scope with all its versions. */
export interface KnownPlaybook {
  readonly procedure: string;
  readonly goal: string;
  readonly versions: readonly {
    readonly version: number;
    /** Null: somebody told it, and it was not learnt here. */
    readonly steps: readonly string[] | null;
    readonly status: 'stands' | 'superseded' | 'rolled_back';
    /** Turns that vouch for it. */
    readonly proofs: readonly string[];
  }[];
}

/** What is to become of a playbook: a version to write, or more turns that vouch for one that stands. */
export interface PlaybookChange {
  readonly procedure: string;
  readonly version: number;
  /** Oldest first. */
  readonly sources: readonly Source[];
  /** Null: the version is there. */
  readonly learnt: {
    readonly goal: string;
    readonly text: string;
    readonly steps: readonly string[];
    readonly trust: Trust;
    readonly validFrom: string;
  } | null;
}

/** What playbooks are found in. */
export interface PlaybookInput {
  /** Oldest first. */
  readonly turns: readonly WorkedTurn[];
  readonly known: readonly KnownPlaybook[];
  /** Goals of how-tos that somebody told: what was told is not replaced by what was done. */
  readonly told: readonly string[];
  /** What an undo forbids to do again (see `itemKey`). */
  readonly undone: ReadonlySet<string>;
  /** Gives the id of a new playbook from what it is for. */
  readonly newId: (name: string) => string;
}

const least = { turns: 3, steps: 2, words: 2 } as const;
const most = { steps: 12, words: 8, sources: 20, perRun: 5 } as const;
/** Two requests of which less is the same are not of one kind, in shares of the shorter one's words. */
const leastAlike = 0.5;
/** The share of requests in which a word stands that names what they are for. */
const sharedBy = 2 / 3;

/**
 * Finds sequences of tools that worked for one kind of request, and says what is new of them. Only words, tools and outcomes count, so the
 * same turns give the same playbooks everywhere. The guards: three turns at least that completed with the same tools in the same order,
 * two or more, none of them rejected by a person; requests alike in their words; more turns that worked than failed with the same
 * beginning. Of several ways for one kind of request the one that worked most often is taken.
 */
export function findPlaybooks(input: PlaybookInput): PlaybookChange[] {
  const told = new Set(input.told.map(normaliseText));
  const changes: PlaybookChange[] = [];
  const touched = new Set<string>();
  const turns = input.turns.map((turn): ReadTurn => ({ ...turn, words: taskWords(turn.message) }));
  for (const { turns: cluster, core } of clusterByRequest(turns)) {
    const ways = waysOf(cluster);
    const [best] = ways;
    const goal = best && goalOf(best.turns);
    if (!best || goal === undefined || told.has(normaliseText(goal))) continue;
    const known = input.known.find((one) => likeness(new Set(taskWords(one.goal).keys()), core) >= leastAlike);
    if (known && (touched.has(known.procedure) || isTold(known))) continue;
    const change = known
      ? nextOf(known, ways, goal)
      : learn(input.newId(`${goal}|${best.steps.join('|')}`), 1, best, goal);
    if (!change) continue;
    touched.add(change.procedure);
    if (change.learnt && input.undone.has(itemKey.learn(change.procedure, change.learnt.steps))) continue;
    const sources = change.sources.filter(({ turn }) => !input.undone.has(itemKey.prove(change.procedure, turn)));
    if (sources.length > 0) changes.push({ ...change, sources });
    if (changes.length === most.perRun) break;
  }
  return changes;
}

/** A turn with the words of its request, read once. */
interface ReadTurn extends WorkedTurn {
  readonly words: ReadonlyMap<string, string>;
}

/** Turns of one kind of request, and the words that stand in at least half of them. */
interface Cluster {
  readonly turns: readonly ReadTurn[];
  readonly core: ReadonlySet<string>;
}

/** A way of doing something: tools in order, and the turns in which they worked, oldest first. */
interface Way {
  readonly steps: readonly string[];
  readonly turns: readonly ReadTurn[];
}

/** What somebody told in its place stands, however well something else works. */
function isTold({ versions }: KnownPlaybook): boolean {
  return versions.some(({ status, steps }) => status === 'stands' && steps === null);
}

function nextOf(known: KnownPlaybook, ways: readonly Way[], goal: string): PlaybookChange | null {
  const [best] = ways;
  if (!best) return null;
  const standing = known.versions.find(({ status }) => status === 'stands');
  const own = standing && ways.find(({ steps }) => sameSteps(steps, standing.steps ?? []));
  // What stands gives way only to what has worked more often.
  if (standing && own && own.turns.length >= best.turns.length) {
    const sources = own.turns
      .slice(-most.sources)
      .flatMap(({ source }) => (standing.proofs.includes(source.turn) ? [] : [source]));
    return { procedure: known.procedure, version: standing.version, sources, learnt: null };
  }
  if (known.versions.some(({ status, steps }) => status === 'rolled_back' && sameSteps(steps ?? [], best.steps)))
    return null;
  const version = Math.max(...known.versions.map((one) => one.version)) + 1;
  return learn(known.procedure, version, best, known.goal === '' ? goal : known.goal);
}

function learn(procedure: string, version: number, { steps, turns }: Way, goal: string): PlaybookChange {
  const evidence = turns.slice(-most.sources);
  return {
    ...{ procedure, version, sources: evidence.map(({ source }) => source) },
    learnt: {
      ...{ goal, steps, text: textOf(goal, steps, evidence), validFrom: evidence.at(-1)?.occurredAt ?? '' },
      trust: evidence.reduce<Trust>((lowest, { trust }) => lessTrusted(lowest, trust), 'model_inference'),
    },
  };
}

/** Turns whose requests are alike, greedily and oldest first: a later turn never moves an earlier one. */
function clusterByRequest(turns: readonly ReadTurn[]): readonly Cluster[] {
  const clusters: { readonly turns: ReadTurn[]; readonly counts: Map<string, number>; core: ReadonlySet<string> }[] =
    [];
  for (const turn of turns) {
    const words = new Set(turn.words.keys());
    if (words.size === 0) continue;
    let best: { readonly at: (typeof clusters)[number]; readonly score: number } | undefined;
    for (const at of clusters) {
      const score = likeness(words, at.core);
      if (score >= leastAlike && score > (best?.score ?? 0)) best = { at, score };
    }
    const at = best?.at ?? { turns: [], counts: new Map<string, number>(), core: words };
    if (best === undefined) clusters.push(at);
    at.turns.push(turn);
    for (const word of words) at.counts.set(word, (at.counts.get(word) ?? 0) + 1);
    at.core = new Set([...at.counts].filter(([, count]) => count >= at.turns.length / 2).map(([word]) => word));
  }
  return clusters;
}

/** One word in common is chance, unless neither says more. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((word) => b.has(word)).length;
  const shorter = Math.min(a.size, b.size);
  return shorter === 0 || both < Math.min(least.words, Math.max(a.size, b.size)) ? 0 : both / shorter;
}

/** The ways that pass the guards, the one that worked most often first. */
function waysOf(cluster: readonly ReadTurn[]): Way[] {
  const failed = cluster.filter((turn) => judgeUse(turn) === 'failure');
  const worked = cluster.filter(
    (turn) => judgeUse(turn) === 'success' && turn.calls.every(({ outcome }) => outcome !== 'rejected'),
  );
  return [...Map.groupBy(worked, (turn) => JSON.stringify(stepsOf(turn)))]
    .map(([, turns]): Way => ({ steps: stepsOf(turns[0]), turns }))
    .filter(({ steps, turns }) => {
      const failures = failed.filter(({ calls }) => calls[0]?.tool === steps[0]).length;
      const fits = steps.length >= least.steps && steps.length <= most.steps;
      return fits && new Set(turns.map(({ source }) => source.turn)).size >= least.turns && turns.length > failures;
    })
    .toSorted(
      (a, b) =>
        b.turns.length - a.turns.length ||
        compareTexts(b.turns.at(-1)?.occurredAt ?? '', a.turns.at(-1)?.occurredAt ?? '') ||
        compareTexts(a.steps.join('|'), b.steps.join('|')),
    );
}

/** The tools that worked, in order; one that was called again and again is one step. */
function stepsOf(turn: WorkedTurn | undefined): string[] {
  return firstCalls(turn).map(({ tool }) => tool);
}

function firstCalls(turn: WorkedTurn | undefined): WorkedTurn['calls'][number][] {
  const worked = (turn?.calls ?? []).filter(({ outcome }) => outcome === 'ok');
  return worked.filter(({ tool }, index) => worked[index - 1]?.tool !== tool);
}

function sameSteps(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

/** The words that nearly all requests share, as the newest one spells them; undefined when they share too little to say what they are. */
function goalOf(turns: readonly ReadTurn[]): string | undefined {
  const spellings = turns.map(({ words }) => words);
  const named = namesIn(turns);
  const shared = [...(spellings.at(-1) ?? [])].filter(
    ([term, spelled]) =>
      !named.has(spelled) && spellings.filter((words) => words.has(term)).length >= turns.length * sharedBy,
  );
  return shared.length < least.words
    ? undefined
    : shared
        .slice(0, most.words)
        .map(([, spelled]) => spelled)
        .join(' ');
}

/** Words that are capital within a request and stand in what a tool was given: a name is a value, not what is to be done. */
function namesIn(turns: readonly WorkedTurn[]): ReadonlySet<string> {
  const given = new Set(
    turns.flatMap(({ calls }) => calls.flatMap((call) => wordsOf(JSON.stringify(call.arguments ?? null)))),
  );
  return new Set(
    turns.flatMap(({ message }) =>
      [...message.matchAll(/(?<=[\p{L}\p{N},]\s)\p{Lu}[\p{L}\p{M}]*/gu)].flatMap(([word]) =>
        wordsOf(word).filter((one) => given.has(one)),
      ),
    ),
  );
}

/** What people say whatever they ask for. */
const politeness = new Set(
  (
    'please hi hello hey thanks thank help need want could would like now ok okay today ' +
    'bitte hallo danke hilfe brauche mochte kannst konnen ich mir der die das den dem ein eine einen und fur mit von zu ' +
    'bonjour salut merci aide veux peux pouvez plait vous je le la les un une des du de et pour mon ma mes ' +
    'hola gracias ayuda quiero puedes favor por el los las una mi mis y para con ' +
    'ola obrigado obrigada ajuda quero pode o os as um uma meu minha e em'
  ).split(' '),
);

/** The words that may say what a request is for, each with its spelling: no numbers, codes, links or addresses, no courtesies. */
function taskWords(message: string): Map<string, string> {
  const words = new Map<string, string>();
  const plain = message.slice(0, 4_000).replace(/https?:\/\/\S+|\S*[@\d]\S*/gu, ' ');
  for (const word of wordsOf(plain)) {
    if (politeness.has(word) || word.length < 2) continue;
    for (const term of termsOf(word)) if (!words.has(term)) words.set(term, term.length === 2 ? term : word);
  }
  return words;
}

/** The steps in words. Of arguments only the names stand there, and whether their values were the same each time: never a value. */
function textOf(goal: string, steps: readonly string[], turns: readonly WorkedTurn[]): string {
  const lines = steps.map((tool, index) => {
    const given = turns.map((turn) => argumentsOf(firstCalls(turn)[index]?.arguments));
    const names = [...new Set(given.flatMap((one) => [...one.keys()]))]
      // A name that hardly ever comes may be a value itself: of a map by name, for one.
      .filter((name) => given.filter((one) => one.has(name)).length >= turns.length * sharedBy)
      .toSorted(compareTexts);
    const isSame = (name: string): boolean => new Set(given.map((one) => one.get(name))).size === 1;
    const same = names.filter(isSame);
    const other = names.filter((name) => !isSame(name));
    const notes = [
      ...(other.length > 0 ? [`${other.join(', ')}: from the request or an earlier result`] : []),
      ...(same.length > 0 ? [`${same.join(', ')}: the same each time`] : []),
    ];
    return `${index + 1}. Call ${tool}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}.`;
  });
  return `What has worked when asked to: ${goal}.\n${lines.join('\n')}`;
}

function argumentsOf(given: unknown): Map<string, string> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return new Map();
  return new Map(
    Object.entries(given)
      .filter(([name]) => /^[a-z_][a-z_-]{0,40}$/i.test(name))
      .map(([name, value]) => [name, JSON.stringify(value)]),
  );
}
