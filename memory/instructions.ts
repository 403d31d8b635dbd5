import type { MemoryEvent } from './events.ts';
import type { KnownFact, KnownProcedure, MemoryProposal } from './reconcile.ts';
import { factHash, procedureHash } from './reconcile.ts';
import type { Scope } from './scope.ts';
import { normaliseContent, normaliseText } from './text.ts';

/** Who takes an instruction back whose feedback has ended. Said again, it stands again; one that a person rolled back does not. */
export const feedbackActor = 'feedback';

/** What instructions are made of: a write that is decided, and what was known before it. */
export interface InstructInput {
  readonly scope: Scope;
  /** What reconciliation made of the proposals. */
  readonly events: readonly MemoryEvent[];
  readonly proposals: readonly MemoryProposal[];
  readonly facts: readonly KnownFact[];
  readonly procedures: readonly KnownProcedure[];
  readonly hash: (text: string) => string;
  /** Gives the id of the n-th instruction of this write, from 0. */
  readonly newId: (ordinal: number) => string;
  /** Feedback may become an instruction; where it may not, one whose feedback ends still ends. */
  readonly mayLearn: boolean;
}

/**
 * Decides which feedback becomes an instruction: a how-to with the feedback's words. It takes the user's own words, and either that they are meant
 * to stand ("always", "never", "from now on") or that they are said in a second turn. What replaces feedback is the next version of its
 * instruction, and feedback that is taken back takes its instruction with it. Pure, as `reconcile` is: the same command writes both.
 */
export function instruct(input: InstructInput): MemoryEvent[] {
  const { scope, events, hash, newId } = input;
  const known = new Map(input.procedures.map((procedure) => [normaliseText(procedure.goal), procedure]));
  // Those of this very write count: two of one goal would be two versions of one number.
  for (const { type, data } of input.events)
    if (type === 'ProcedureLearned')
      known.set(normaliseText(data.goal), { ...data, latest: data.version, rolledBack: [] });
  const feedback = new Map(input.facts.filter(({ kind }) => kind === 'feedback').map((fact) => [fact.fact, fact]));
  const made: MemoryEvent[] = [];
  const replaced = new Set<string>();
  let ordinal = 0;
  for (const { type, data } of events) {
    if (type === 'FactAsserted' && data.kind === 'feedback') {
      const over = events.flatMap((event) =>
        event.type === 'FactSuperseded' && event.data.by === data.fact ? [instructionOf(event.data.fact)] : [],
      );
      const before = over.find((one) => one !== undefined);
      const isWanted = data.validTo === null && data.disputedWith === null && isOwn(data.text);
      if (isWanted && (before !== undefined || isStanding(data.value) || isStanding(data.text)))
        learn({ goal: before?.goal ?? goalFor(data), ...data });
    } else if (type === 'FactConfirmed') {
      const fact = feedback.get(data.fact);
      const again = input.proposals.some(
        (one) => one.isStated === true && (one.target === data.fact || factHash(one, hash) === fact?.contentHash),
      );
      if (fact && again && fact.trust === 'direct_user' && fact.validTo == null)
        learn({
          goal: goalFor(fact),
          text: fact.text,
          validFrom: fact.validFrom,
          source: data.source,
        });
    }
  }
  for (const { type, data } of events) {
    if (type !== 'FactSuperseded' && type !== 'FactRetracted') continue;
    const instruction = instructionOf(data.fact);
    if (!instruction || replaced.has(instruction.procedure)) continue;
    replaced.add(instruction.procedure);
    const reason = type === 'FactRetracted' ? 'its feedback was taken back' : 'its feedback was replaced';
    const { procedure, version: from } = instruction;
    made.push({
      type: 'ProcedureRolledBack',
      data: { procedure, scope, from, restored: null, actor: feedbackActor, reason },
    });
  }
  return made;

  /** One word may be the value of several wishes ("short" of mails and of answers): then the wish itself is the goal. */
  function goalFor({ value, text }: { readonly value: string; readonly text: string }): string {
    const goal = value.trim() || text;
    const one = known.get(normaliseText(goal));
    return one && one.version > 0 && normaliseContent(one.text) !== normaliseContent(text) ? text : goal;
  }

  /** The how-to that stands with the words of a feedback. */
  function instructionOf(fact: string): KnownProcedure | undefined {
    const said = feedback.get(fact);
    if (!said) return undefined;
    return input.procedures.find(
      ({ version, text }) => version > 0 && normaliseContent(text) === normaliseContent(said.text),
    );
  }

  function isOwn(text: string): boolean {
    return input.proposals.some(
      (one) => one.isStated === true && one.trust === undefined && one.kind === 'feedback' && one.text.trim() === text,
    );
  }

  function learn({
    goal,
    text,
    validFrom,
    source,
  }: Pick<MemoryProposal, 'text' | 'validFrom' | 'source'> & { goal: string }): void {
    if (!input.mayLearn) return;
    const contentHash = procedureHash({ goal, text }, hash);
    const one = known.get(normaliseText(goal));
    if (one && one.version > 0 && one.contentHash === contentHash) return;
    const bad = one?.rolledBack?.find((version) => version.contentHash === contentHash);
    if (bad && bad.actor !== feedbackActor) return;
    const content = { goal, text, contentHash, trust: 'direct_user', validFrom, source } as const;
    const procedure = one?.procedure ?? newId(ordinal++);
    const version = bad?.version ?? (one?.latest ?? one?.version ?? 0) + 1;
    replaced.add(procedure);
    known.set(normaliseText(goal), { procedure, version, goal, text, contentHash });
    made.push(
      bad && one
        ? {
            type: 'ProcedureRolledBack',
            data: {
              ...{ procedure, scope, from: one.version, restored: { version, ...content } },
              ...{ actor: feedbackActor, reason: 'its feedback was given again' },
            },
          }
        : { type: 'ProcedureLearned', data: { procedure, version, scope, ...content } },
    );
  }
}

const standing =
  /\b(?:always|never|from now on|going forward|in (?:the )?future|every time|each time|whenever|at all times|immer|nie|niemals|ab jetzt|ab sofort|kunftig|in zukunft|jedes mal|stets|toujours|jamais|desormais|dorenavant|a l avenir|chaque fois|siempre|nunca|jamas|a partir de ahora|de ahora en adelante|cada vez|sempre|a partir de agora|de agora em diante|toda vez)\b/u;
/** "Your answers are always too long" complains of what was; it asks for nothing that is to stand. */
const complaint =
  /\b(?:is|are|was|were|have|has|had|did|ist|sind|war|waren|hast|haben|est|sont|etait|es|son|fue|foi|sao|era) (?:\p{L}+ )?(?:always|never|immer|nie|toujours|jamais|siempre|nunca|sempre)\b/u;

/** True when words say how things are to be done from now on. */
function isStanding(words: string): boolean {
  const plain = normaliseText(words);
  return standing.test(plain) && !complaint.test(plain);
}
