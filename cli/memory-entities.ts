import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Entity, EntityKind, HoldfastClient, MergeReceipt } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { day, dim, oneLine, table } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { explain, runCommand } from './run-command.ts';

type EntityRow = Awaited<ReturnType<HoldfastClient['memory']['entity']>>;
type Relation = EntityRow['relations'][number];
interface Changed extends Omit<MemoryOptions, 'at' | 'limit'> {
  readonly reason: string;
  readonly actor?: string;
  readonly key?: string;
}

const entityJson = '{entity, name, kind, aliases, joinedBy: [{by: "merge" | "fact", id}], facts: [id]}';
const receiptJson = '{merge, applied, position}';
const kinds: readonly EntityKind[] = ['person', 'place', 'organisation', 'project'];

/** Registers `memory entities`, `entity`, `merge` and `split`: people, places and things that memories name. */
export function registerMemoryEntities(memory: Command): void {
  explain(
    withScope(memory.command('entities').description('people, places and things that facts name'))
      .option('--kind <kind>', `only of one kind: ${kinds.join(', ')}`, kindOf)
      .action((options: MemoryOptions & { kind?: EntityKind }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { at, kind } = options;
            const rows = await client.memory.entities({
              scope: scopeOf(run.config, options),
              ...(kind === undefined ? {} : { kind }),
              ...(at === undefined ? {} : { at }),
            });
            if (rows.length === 0) run.output.say('No memory names anything.');
            return { data: rows, text: rows.length === 0 ? '' : entityTable(rows) };
          }),
        ),
      ),
    {
      examples: ['memory entities --user ana', 'memory entities --user ana --kind person --json'],
      json: `[${entityJson}]`,
    },
  );
  explain(
    withScope(
      memory
        .command('entity <entity...>')
        .description('one of them, by its id or any of its names, with its relations over time'),
    ).action((words: string[], options: MemoryOptions, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const { at } = options;
          const found = await client.memory.entity({
            entity: words.join(' '),
            scope: scopeOf(run.config, options),
            ...(at === undefined ? {} : { at }),
          });
          return { data: found, text: entityText(found) };
        }),
      ),
    ),
    {
      examples: ['memory entity "Robert Müller" --user ana', 'memory entity Bob --user ana --at 40 --json'],
      json: `${entityJson} with relations: [{relation, direction: "of" | "to", other: {entity, name} | null, fact}], merges: [{merge, into, names, scope, actor, reason, position}]`,
    },
  );
  explain(
    changed(
      memory
        .command('merge <into> <entities...>')
        .description('have entities be one from now on, by id or name; no fact is changed, and `split` takes it back'),
    ).action((into: string, entities: string[], options: Changed, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const receipt = await client.memory.mergeEntities({ into, entities, ...by(run.config, options) });
          return { data: receipt, text: receiptText(receipt, 'they are one already') };
        }),
      ),
    ),
    {
      examples: ['memory merge "Robert Müller" Bob --user ana --reason "Ana said so"'],
      json: receiptJson,
    },
  );
  explain(
    changed(memory.command('split <merge>').description('take a merge back: each name is again what it was')).action(
      (merge: string, options: Changed, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const receipt = await client.memory.splitEntity({ merge, ...by(run.config, options) });
            return { data: receipt, text: receiptText(receipt, 'it was taken back before') };
          }),
        ),
    ),
    { examples: ['memory split g-0a1b2c3d4e5f6071 --user ana --reason "they are cousins"'], json: receiptJson },
  );
}

function changed(command: Command): Command {
  return command
    .option('--user <id>', 'whose memory it is (default: HOLDFAST_USER)')
    .option('--agent <name>', 'for what only this agent remembers')
    .option('--thread <id>', 'for what is remembered in this thread only')
    .option('--actor <id>', 'who says so (default: user:HOLDFAST_USER)')
    .option('--key <key>', 'names this call: repeated with the same key, it does nothing')
    .requiredOption('--reason <text>', 'why; recorded with it');
}

function by(config: Parameters<typeof scopeOf>[0], options: Changed) {
  const { reason, actor = `user:${config.user}`, key } = options;
  return { scope: scopeOf(config, options), actor, reason, ...(key === undefined ? {} : { idempotencyKey: key }) };
}

function kindOf(value: string): EntityKind {
  const kind = kinds.find((one) => one === value);
  if (kind === undefined) throw new InvalidArgumentError(`Expected one of ${kinds.join(', ')}.`);
  return kind;
}

function entityTable(rows: readonly Entity[]): string {
  return table(
    ['ENTITY', 'KIND', 'FACTS', 'NAME'],
    rows.map(({ entity, kind, facts, name, aliases }) => [
      entity,
      kind ?? '',
      String(facts.length),
      oneLine([name, ...aliases.map((alias) => `= ${alias}`)].join(' ')),
    ]),
  );
}

function entityText({ entity, name, kind, aliases, relations, merges }: EntityRow): string {
  return [
    `${oneLine(name)} ${dim(`(${[entity, ...(kind === null ? [] : [kind])].join(', ')})`)}`,
    ...(aliases.length === 0 ? [] : [`  also: ${aliases.map(oneLine).join(', ')}`]),
    ...relations.map((relation) => `  ${relationLine(relation)}`),
    ...merges.map(({ merge, into, names, actor, reason }) =>
      dim(
        `  ${merge}: ${names.map(oneLine).join(', ')} into ${oneLine(into)} by ${oneLine(actor)}: ${oneLine(reason)}`,
      ),
    ),
  ].join('\n');
}

function relationLine({ relation, direction, other, fact }: Relation): string {
  const held = `${day(fact.validFrom)} – ${fact.validTo === null ? 'now' : day(fact.validTo)}`;
  const far = direction === 'of' ? (other?.name ?? fact.value) : (other?.name ?? fact.subject);
  const sources = `${fact.sources.length} ${fact.sources.length === 1 ? 'source' : 'sources'}`;
  const arrow = direction === 'of' ? `${relation} → ${far}` : `${relation} ← ${far}`;
  return `${held}  ${shorten(oneLine(arrow), 200)} ${dim(`(${fact.fact}, ${sources})`)}`;
}

function receiptText({ merge, applied, position }: MergeReceipt, known: string): string {
  return applied ? `${merge} at position ${position}` : `nothing to do: ${known} (${merge})`;
}
