import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as agents from '../agents/index.ts';
import * as client from '../client/index.ts';
import * as eventstore from '../eventstore/index.ts';
import * as llm from '../llm/index.ts';
import * as worker from '../worker/index.ts';

const root = resolve(import.meta.dirname, '..');
const rooms = [
  'activities',
  'agents',
  'bench',
  'chaos',
  'cli',
  'client',
  'config',
  'errors',
  'eventstore',
  'examples',
  'llm',
  'memory',
  'projections',
  'scrub',
  'stack',
  'worker',
  'workflows',
] as const;
type Room = (typeof rooms)[number];

/** Rooms whose values a room may import; `types` may be imported as types only. */
const arrows: Readonly<Record<Room, { readonly values: readonly string[]; readonly types?: readonly string[] }>> = {
  errors: { values: [] },
  memory: { values: [] },
  eventstore: { values: ['errors'] },
  llm: { values: ['errors', 'memory'] },
  agents: { values: ['errors', 'memory', 'scrub'] },
  scrub: { values: [] },
  stack: { values: ['errors'] },
  config: { values: ['errors'] },
  projections: { values: ['eventstore', 'memory', 'errors'] },
  workflows: { values: [], types: ['activities'] },
  activities: { values: ['agents', 'eventstore', 'llm', 'memory', 'projections', 'scrub', 'errors'] },
  client: {
    values: ['workflows', 'eventstore', 'llm', 'memory', 'projections', 'scrub', 'errors'],
    types: ['activities'],
  },
  worker: { values: rooms.filter((room) => !['bench', 'chaos', 'cli', 'examples'].includes(room)) },
  // Joins the real parts and breaks them; nothing of the product knows of it but the command that runs it.
  chaos: { values: rooms.filter((room) => !['bench', 'cli', 'examples'].includes(room)) },
  cli: { values: rooms.filter((room) => !['bench', 'examples'].includes(room)) },
  // The crash comparison breaks a private stack.
  examples: { values: ['agents', 'client', 'eventstore', 'chaos', 'llm', 'stack'] },
  // Benchmarks join parts by hand, as a user of the whole would.
  bench: { values: rooms },
};

interface Import {
  readonly from: string;
  /** Path inside the repository, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = listFiles(root, /\.(ts|sql|sh)$/);
const sources = files.filter((file) => file.endsWith('.ts') && !file.startsWith('test/'));
const imports = sources.flatMap(importsOf);

function listFiles(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (['node_modules', 'dist'].includes(entry.name) || entry.name.startsWith('.')) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listFiles(path, ending);
    return entry.isFile() && ending.test(entry.name) ? [relative(root, path)] : [];
  });
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function importsOf(file: string): Import[] {
  const found = read(file).matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)';?$/gm);
  const dynamic = read(file).matchAll(/\bimport\('([^']+)'\)/g);
  return [
    ...[...found].map(([, type, to]) => ({ typeOnly: type !== undefined, to: to ?? '' })),
    ...[...dynamic].map(([, to]) => ({ typeOnly: false, to: to ?? '' })),
  ].map(({ typeOnly, to }) => ({
    from: file,
    typeOnly,
    to: to.startsWith('.') ? relative(root, resolve(root, dirname(file), to)) : to,
  }));
}

function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

const inside = imports.filter(({ to }) => files.includes(to) || to === 'package.json');
const show = ({ from, to, typeOnly }: Import): string => `${from} -> ${to}${typeOnly ? ' (types)' : ''}`;

describe('the arrows between rooms', () => {
  test('are parsed: the check would see a forbidden import', () => {
    expect(sources.length).toBeGreaterThan(60);
    expect(inside.length).toBeGreaterThan(150);
    expect(inside.some(({ typeOnly }) => typeOnly)).toBe(true);
    const unknown = imports.filter(
      ({ to }) => rooms.some((room) => to.startsWith(`${room}/`)) && !inside.some((one) => one.to === to),
    );
    expect(unknown.map(show)).toEqual([]);
  });

  test('run one way', () => {
    const forbidden = inside.filter(({ from, to, typeOnly }) => {
      const [own, other] = [roomOf(from), roomOf(to)];
      if (own === other || !(own in arrows) || to === 'package.json') return false;
      const { values, types = [] } = arrows[own as Room];
      return !values.includes(other) && !(typeOnly && types.includes(other));
    });
    expect(forbidden.map(show)).toEqual([]);
  });

  test('lead nobody to cli or test', () => {
    const wrong = inside.filter(
      ({ from, to }) => ['cli', 'test'].includes(roomOf(to)) && roomOf(from) !== roomOf(to) && roomOf(from) !== 'bench',
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('of memory and workflows lead out of the process nowhere', () => {
    const outside = imports.filter((one) => !inside.includes(one) && !one.typeOnly);
    expect(outside.filter(({ from }) => roomOf(from) === 'memory').map(show)).toEqual([]);
    const packages = outside.filter(({ from }) => roomOf(from) === 'workflows').map(({ to }) => to);
    expect([...new Set(packages)]).toEqual(['@temporalio/workflow']);
  });

  test('of the checker of chaos lead to nothing that it checks', () => {
    const checker = imports.filter(({ from, to }) => from.startsWith('chaos/check') && !to.startsWith('node:'));
    expect(checker.length).toBeGreaterThan(10);
    const allowed = /^chaos\/(check|history)|^pg$/;
    expect(checker.filter(({ to }) => !allowed.test(to)).map(show)).toEqual([]);
  });

  test('know every room', () => {
    const folders = new Set(sources.map(roomOf).filter((room) => room !== ''));
    expect(
      [...folders].filter(
        (room) => !(rooms as readonly string[]).includes(room) && !['bench', 'scripts', 'docs'].includes(room),
      ),
    ).toEqual([]);
  });
});

describe('files', () => {
  test('import values in no cycle', () => {
    const next = new Map<string, string[]>();
    for (const { from, to, typeOnly } of inside) if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file)) return;
      for (const to of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('are at most 500 lines long', () => {
    expect(files.filter((file) => read(file).split('\n').length > 501)).toEqual([]);
  });

  test('never import the index of their own room', () => {
    const wrong = inside.filter(({ from, to }) => to.endsWith('/index.ts') && dirname(from) === dirname(to));
    expect(wrong.map(show)).toEqual([]);
  });

  test('read the environment in config/ only', () => {
    const allowed = /^(config|examples|bench|scripts)\/|^(holdfast|vitest)\.config\.ts$/;
    const wrong = sources.filter((file) => !allowed.test(file) && /process\.env\b/.test(code(file)));
    expect(wrong).toEqual([]);
  });

  test('describe every export right above it', () => {
    const missing = sources
      .filter((file) => (rooms as readonly string[]).includes(roomOf(file)) && roomOf(file) !== 'examples')
      .flatMap((file) => {
        const lines = read(file).split('\n');
        return lines.flatMap((line, index) => {
          const name = /^export (?:default )?(?:async )?(?:abstract )?(?:function\*?|class|interface|const) (\w+)/.exec(
            line,
          )?.[1];
          // An options type may speak for itself: its fields carry the words.
          if (name === undefined || /^export interface \w+(Options|Input|Filter)\b/.test(line)) return [];
          return lines[index - 1]?.trimEnd().endsWith('*/') ? [] : [`${file}: ${name}`];
        });
      });
    expect(missing).toEqual([]);
  });
});

/** A file without its comments. */
function code(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

describe('what the package shows', () => {
  test('are exactly these entry points', () => {
    const entry = (room: string) => ({ types: `./dist/${room}/index.d.ts`, default: `./dist/${room}/index.js` });
    const { exports } = JSON.parse(read('package.json')) as { exports: unknown };
    expect(exports).toEqual({
      '.': entry('agents'),
      './client': entry('client'),
      './worker': entry('worker'),
      './eventstore': entry('eventstore'),
      './llm': entry('llm'),
      './package.json': './package.json',
    });
  });

  test('rooms export exactly these values', () => {
    expect(Object.keys(worker).sort()).toEqual([
      'DeploymentFailedError',
      'loadAgents',
      'localKeyWrapper',
      'startWorker',
    ]);
    expect(Object.keys(llm).sort()).toEqual([
      'ModelError',
      'createHashEmbedder',
      'createOnnxEmbedder',
      'createOpenAiEmbedder',
      'createOpenAiModel',
    ]);
    expect(Object.keys(agents).sort()).toEqual([
      'InvalidArgumentsError',
      'InvalidDefinitionError',
      'agentTool',
      'builtInKinds',
      'defineAgent',
      'defineConfig',
      'defineMemoryKind',
      'defineTool',
      'mcpTools',
    ]);
    expect(Object.keys(client).sort()).toEqual([
      'AllowanceNotFoundError',
      'AlreadySteeredError',
      'ApprovalNotFoundError',
      'BlockConflictError',
      'BranchNotFoundError',
      'BranchTakenError',
      'ConsolidationNotFoundError',
      'ConsolidationRunningError',
      'DocumentBusyError',
      'DocumentDiffersError',
      'EntityNotFoundError',
      'ExtractionRunningError',
      'HistoryNotArchivedError',
      'HoldfastError',
      'InvalidBlockError',
      'InvalidConsolidationError',
      'InvalidDecisionError',
      'InvalidDocumentError',
      'InvalidForkError',
      'InvalidMemoryError',
      'InvalidMergeError',
      'InvalidMessagesError',
      'InvalidOffsetError',
      'InvalidReadError',
      'InvalidRerunError',
      'InvalidRollbackError',
      'InvalidScheduleError',
      'InvalidScrubPolicyError',
      'InvalidTurnError',
      'KeyUnavailableError',
      'MemoryNotFoundError',
      'MergeNotFoundError',
      'MessagesDifferError',
      'ProcedureNotFoundError',
      'ProposalNotFoundError',
      'ProposerApprovesError',
      'QuotaExceededError',
      'ScheduleNotKnownError',
      'ScheduleTakenError',
      'SchemaDriftError',
      'StatementTimeoutError',
      'StorageFullError',
      'StoreOverloadedError',
      'StoreReadOnlyError',
      'StoreRefusedError',
      'StoreUnavailableError',
      'StreamTimeoutError',
      'SubjectForgottenError',
      'SummaryNotFoundError',
      'TemporalUnavailableError',
      'ThreadBusyError',
      'ThreadNotFoundError',
      'TurnIdTakenError',
      'TurnNotFoundError',
      'UnknownSubjectError',
      'UnknownTenantError',
      'UnsafeRoleError',
      'createClient',
      'createStreamHub',
      'localKeyWrapper',
    ]);
    expect(Object.keys(eventstore).sort()).toEqual([
      'CommandBodyDiffersError',
      'ConsumerLeaseLostError',
      'ConsumersBehindError',
      'ExpectedVersionConflictError',
      'HandOverBlockedError',
      'InvalidCommandError',
      'InvalidConsumerError',
      'InvalidFoldError',
      'InvalidReadError',
      'InvalidTenantError',
      'KeyUnavailableError',
      'KeysMissingError',
      'LogArchivedError',
      'LogBusyError',
      'LogDamagedError',
      'LogNotDenseError',
      'LogNotEmptyError',
      'ParkedEventNotFoundError',
      'PersonalDataDamagedError',
      'ProjectionLawError',
      'QuotaExceededError',
      'ReadEndedError',
      'RebuildRunningError',
      'SchemaDriftError',
      'SegmentDamagedError',
      'SegmentFolderError',
      'SegmentsDivergeError',
      'SegmentsMissingError',
      'StatementTimeoutError',
      'StorageFullError',
      'StoreOverloadedError',
      'StoreReadOnlyError',
      'StoreRefusedError',
      'StoreUnavailableError',
      'StreamNotDenseError',
      'StreamSealedError',
      'SubjectForgottenError',
      'TenantTakenError',
      'UnknownSchemaVersionError',
      'UnknownSubjectError',
      'UnknownTenantError',
      'UnknownViewError',
      'UnsafeRoleError',
      'UpcastFailedError',
      'applicationRole',
      'archiveLog',
      'assertSafeRole',
      'assertSchema',
      'cleanText',
      'close',
      'createEventStore',
      'createMasterKey',
      'createTenant',
      'createWakeUp',
      'decideParked',
      'defineView',
      'describeProgress',
      'diffViews',
      'dropTenant',
      'ensure',
      'exportLog',
      'findLoginRisk',
      'forgetSubject',
      'importLog',
      'listConsumers',
      'listSegmentTenants',
      'listTenants',
      'localKeyWrapper',
      'logMigrations',
      'migrate',
      'open',
      'openPool',
      'optional',
      'ownerRole',
      'positionOf',
      'progressLines',
      'readForgottenAt',
      'readSegments',
      'readView',
      'rebuildViews',
      'replace',
      'required',
      'retryConnection',
      'rewrapKeys',
      'runConsumer',
      'setQuota',
      'verifyLog',
      'withTenant',
    ]);
  });
});
