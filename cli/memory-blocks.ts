import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { dim, oneLine, table } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface BlockOptions extends MemoryOptions {
  readonly description?: string;
  readonly chars?: number;
  readonly expect?: string;
  readonly readOnly?: true;
  readonly writable?: true;
  readonly reason: string;
}

type Block = Awaited<ReturnType<HoldfastClient['memory']['blocks']>>[number];
type BlockVersion = Awaited<ReturnType<HoldfastClient['memory']['blockHistory']>>[number];

/** Registers `memory blocks`, `set-block` and `block-history`. */
export function registerMemoryBlocks(memory: Command): void {
  explain(
    withScope(memory.command('blocks').description('the blocks that stand in every prompt')).action(
      (options: MemoryOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { at } = options;
            const scope = scopeOf(run.config, options);
            const blocks = await client.memory.blocks({ scope, ...(at === undefined ? {} : { at }) });
            if (blocks.length === 0) run.output.say('There are no blocks. Set one with `holdfast memory set-block`.');
            return { data: blocks, text: blockTable(blocks) };
          }),
        ),
    ),
    {
      examples: ['memory blocks --user ana'],
      json: '[{label, description, value, limit, readOnly, scope, position}]',
    },
  );
  explain(
    withScope(memory.command('set-block <label> <value>').description('set a block of working memory'))
      .option('--description <text>', 'what belongs there, for the model; needed for a new block')
      .option('--chars <n>', 'most characters of the value', wholeNumber(1))
      .option('--read-only', 'agents may read it, not edit it')
      .option('--writable', 'agents may edit it again')
      .option('--expect <value>', 'only if the block still has this value')
      .option('--reason <text>', 'why', 'set by hand')
      .action((label: string, value: string, options: BlockOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const block = await client.memory.editBlock({
              scope: scopeOf(run.config, options),
              label,
              value,
              actor: `user:${run.config.user}`,
              reason: options.reason,
              ...(options.description === undefined ? {} : { description: options.description }),
              ...(options.chars === undefined ? {} : { limit: options.chars }),
              ...(options.readOnly === true
                ? { readOnly: true }
                : options.writable === true
                  ? { readOnly: false }
                  : {}),
              ...(options.expect === undefined ? {} : { expectedValue: options.expect }),
            });
            return { data: block, text: blockTable([block]) };
          }),
        ),
      ),
    {
      examples: ['memory set-block tone "Formal, short." --description "How to speak to this user" --user ana'],
      json: '{label, description, value, limit, readOnly, scope, position}',
    },
  );
  explain(
    withScope(
      memory.command('block-history <label>').description('every edit of a block: who, when, why and what'),
    ).action((label: string, options: MemoryOptions, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const versions = await client.memory.blockHistory({ scope: scopeOf(run.config, options), label });
          if (versions.length === 0)
            run.output.say(`No block "${label}" was edited in this scope; \`holdfast memory blocks\` lists them.`);
          return { data: versions, text: versions.map(versionText).join('\n') };
        }),
      ),
    ),
    {
      examples: ['memory block-history tone --user ana --agent support'],
      json: '[{version, position, value, description, limit, readOnly, actor, reason, editedAt, forgotten}]',
    },
  );
}

function versionText({ version, position, editedAt, actor, reason, value }: BlockVersion): string {
  const about = `v${version} at ${position}, ${editedAt.toISOString()}, ${oneLine(actor)}: ${oneLine(reason)}`;
  return `${dim(about)}\n${oneLine(value)}`;
}

function blockTable(blocks: readonly Block[]): string {
  if (blocks.length === 0) return '';
  return table(
    ['POS', 'LABEL', 'CHARS', 'WHOSE', 'VALUE'],
    blocks.map(({ position, label, value, limit, readOnly, scope }) => [
      String(position),
      oneLine(label),
      `${value.length}/${limit}${readOnly ? ' read-only' : ''}`,
      oneLine(
        Object.entries(scope)
          .map(([part, id]) => `${part} ${id}`)
          .join(', '),
      ) || 'all',
      oneLine(value),
    ]),
  );
}
