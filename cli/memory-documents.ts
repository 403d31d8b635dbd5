import { open, readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { day, oneLine, statusColour, table } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { UsageError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

type Document = Awaited<ReturnType<HoldfastClient['memory']['documents']>>[number];

interface AddFlags {
  readonly source?: string;
  readonly title?: string;
  readonly key?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly thread?: string;
}

/** Largest file that is read, in bytes: four for each character that a document may have. */
const mostBytes = 20_000_000;

/** Registers `memory add-document`, `documents` and `remove-document`. */
export function registerMemoryDocuments(memory: Command): void {
  explain(
    memory
      .command('add-document <file>')
      .description('remember a text file in chunks; a new version keeps what stayed the same')
      .option('--source <name>', 'what it is known by (default: the path as given)')
      .option('--title <text>', 'its title, for citations')
      .option('--key <name>', 'names this call: repeated after others came, it does nothing')
      .option('--user <id>', 'whose it is (default: HOLDFAST_USER)')
      .option('--agent <name>', 'remembered for this agent only')
      .option('--thread <id>', 'remembered in this thread only')
      .action((file: string, flags: AddFlags, command: Command) =>
        runCommand(command, async (run) => {
          const { text, writtenAt } = await readText(file);
          const { source = file, title, key } = flags;
          return run.withClient(async (client) => {
            const markdown = ['.md', '.markdown'].includes(extname(file).toLowerCase());
            const receipt = await client.memory.addDocument(
              {
                source,
                text,
                mimeType: markdown ? 'text/markdown' : 'text/plain',
                occurredAt: writtenAt,
                ...(title === undefined ? {} : { title }),
              },
              scopeOf(run.config, flags),
              key === undefined ? {} : { idempotencyKey: key },
            );
            const { outcome, added, kept, ended } = receipt;
            return {
              data: { source, ...receipt },
              text:
                outcome === 'known'
                  ? `${statusColour('ok')} ${oneLine(source)} is remembered like this already`
                  : `${statusColour('ok')} ${oneLine(source)}: ${added} chunks added, ${kept} kept, ${ended} ended`,
            };
          });
        }),
      ),
    {
      examples: [
        'memory add-document handbook.md --user ana',
        'memory add-document page.txt --source https://example.com/page',
      ],
      json: '{source, document, outcome, added, kept, ended}',
    },
  );
  explain(
    withScope(memory.command('documents').description('documents that are remembered')).action(
      (options: MemoryOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { at } = options;
            const scope = scopeOf(run.config, options);
            const documents = await client.memory.documents({ scope, ...(at === undefined ? {} : { at }) });
            if (documents.length === 0) run.output.say(`No document is remembered for user ${scope.user ?? ''}.`);
            return { data: documents, text: documentTable(documents) };
          }),
        ),
    ),
    {
      examples: ['memory documents --user ana', 'memory documents --at 2026-05-30T18:00 --json'],
      json: '[{document, scope, source, title, mimeType, length, chunks, occurredAt, position}]',
    },
  );
  explain(
    memory
      .command('remove-document <source>')
      .description('end a document with all of its chunks; `forget` erases, this does not')
      .option('--user <id>', 'whose it is (default: HOLDFAST_USER)')
      .option('--agent <name>', 'that of this agent')
      .option('--thread <id>', 'that of this thread')
      .action((source: string, flags: Pick<AddFlags, 'user' | 'agent' | 'thread'>, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const removed = await client.memory.removeDocument({ source, scope: scopeOf(run.config, flags) });
            return {
              data: { source, ...removed },
              text:
                removed.ended === 0
                  ? `${oneLine(source)} is not remembered here.`
                  : `${statusColour('ok')} ${oneLine(source)}: ${removed.ended} chunks ended`,
            };
          }),
        ),
      ),
    { examples: ['memory remove-document handbook.md --user ana'], json: '{source, document, ended}' },
  );
}

/** Throws UsageError for what cannot be read, is too large, or is no text. */
async function readText(file: string): Promise<{ readonly text: string; readonly writtenAt: Date }> {
  const handle = await open(file).catch(() => {
    throw new UsageError(`${file} cannot be read.`, 'Name a file that is there.');
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > mostBytes)
      throw new UsageError(`${file} is no file of at most ${mostBytes} bytes.`, 'Split it into several documents.');
    const bytes = await readFile(handle);
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      if (!text.includes('\0')) return { text, writtenAt: stats.mtime };
    } catch {
      // Said below.
    }
    throw new UsageError(`${basename(file)} is not text in UTF-8.`, 'Convert it to text first.');
  } finally {
    await handle.close();
  }
}

/** Documents by source; nothing for none. */
function documentTable(documents: readonly Document[]): string {
  if (documents.length === 0) return '';
  return table(
    ['POS', 'SOURCE', 'TITLE', 'WRITTEN', 'CHUNKS'],
    documents.map(({ position, source, title, occurredAt, chunks }) => [
      String(position),
      oneLine(source),
      oneLine(title ?? ''),
      day(occurredAt),
      String(chunks),
    ]),
  );
}
