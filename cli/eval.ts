import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Embedder } from '../llm/ports.ts';
import type { EvalReport } from './eval/figures.ts';
import { table } from './format.ts';
import { UsageError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

interface EvalFlags {
  readonly data: string;
  readonly results?: string;
  readonly embedder: string;
}

/** Registers `eval`: how well recall does on conversations with known answers. */
export function registerEval(program: Command): void {
  explain(
    program
      .command('eval')
      .description('measure recall on conversations whose answers are known, in a tenant of their own')
      .requiredOption('--data <file>', 'JSON lines of messages and queries, gzipped or not (docs/recall.md)')
      .option('--results <file>', 'write one line per query: what was found, its cost, the confidence')
      .option('--embedder <kind>', 'none, hash, or onnx:<folder of a model>', 'none')
      .action((flags: EvalFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const [{ readEvalData }, { openFreshTenant }, { importConversations, askQueries }, { evalReport }] =
            await Promise.all([
              import('./eval/read-data.ts'),
              import('./eval/open-fresh-tenant.ts'),
              import('./eval/run-eval.ts'),
              import('./eval/figures.ts'),
            ]);
          const conversations = await readEvalData(flags.data);
          const embedder = await embedderOf(flags.embedder);
          await using fresh = await openFreshTenant(config, { embedder, onProgress: (line) => output.say(line) });
          const started = performance.now();
          const { ids, messages } = await importConversations(fresh.client, conversations, (done, of) =>
            output.say(`${done} of ${of} messages imported`),
          );
          const seconds = (performance.now() - started) / 1000;
          const warm = async (texts: readonly string[]): Promise<void> => {
            await embedder?.embed(texts);
          };
          const results = await askQueries(fresh.client, conversations, { ids, warm });
          if (flags.results !== undefined) {
            const lines = results.map(({ query, ranked, tokens, confidence }) =>
              JSON.stringify({ query: query.id, ranked, tokens, confidence }),
            );
            await writeFile(flags.results, `${lines.join('\n')}\n`);
          }
          const report = evalReport(results);
          return {
            data: {
              data: flags.data,
              embedder: embedder?.model ?? 'none',
              stack: fresh.stack,
              messages,
              messagesPerSecond: Math.round(messages / seconds),
              ...report,
            },
            text: reportTable(report),
          };
        }),
      ),
    {
      examples: [
        'eval --data talks.jsonl',
        'eval --data talks.jsonl.gz --embedder onnx:models/all-MiniLM-L6-v2 --json',
      ],
      json: '{embedder, stack, messages, messagesPerSecond, queries, recallAt5, recallAt10, recallAt20, recallAt50, allAt10, anyAt10, ndcgAt10, mrr, recallWithin500, recallWithin1000, recallWithin2000, abstentionAuroc, newestFirst, p50Ms, p95Ms, categories: {name: {queries, recallAt5, …}}}',
    },
  );
}

async function embedderOf(kind: string): Promise<Embedder | undefined> {
  if (kind === 'none') return undefined;
  if (kind === 'hash') return (await import('../llm/hash-embedder.ts')).createHashEmbedder();
  const [name, ...path] = kind.split(':');
  if (name === 'onnx' && path.length > 0)
    return (await import('../llm/onnx-embedder.ts')).createOnnxEmbedder({ path: path.join(':') });
  throw new UsageError(`There is no embedder "${kind}".`, 'Expected none, hash, or onnx:<folder of a model>.');
}

function reportTable(report: EvalReport): string {
  const { abstentionAuroc, newestFirst, p50Ms, p95Ms } = report;
  const rows = [['all', report] as const, ...Object.entries(report.categories)].map(([name, figures]) => [
    name,
    String(figures.queries),
    ...[figures.recallAt5, figures.recallAt10, figures.recallAt20, figures.recallAt50].map((value) => value.toFixed(1)),
    ...[figures.allAt10, figures.anyAt10, figures.ndcgAt10, figures.mrr].map((value) => value.toFixed(1)),
    ...[figures.recallWithin500, figures.recallWithin1000, figures.recallWithin2000].map((value) => value.toFixed(1)),
  ]);
  const head = [
    'QUERIES',
    'N',
    'R@5',
    'R@10',
    'R@20',
    'R@50',
    'ALL@10',
    'ANY@10',
    'NDCG@10',
    'MRR',
    '500',
    '1000',
    '2000',
  ];
  return [
    table(head, rows),
    ...(abstentionAuroc === null ? [] : [`abstention AUROC ${abstentionAuroc}`]),
    ...(newestFirst === null ? [] : [`newest first ${newestFirst} %`]),
    `search p50 ${p50Ms} ms, p95 ${p95Ms} ms, embedder excluded`,
  ].join('\n');
}
