import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HoldfastError } from '../errors/holdfast-error.ts';

/** Every setting of Holdfast, typed. Environment names are in docs/configuration.md. */
export interface Config {
  /** Folder of the local stack: databases, logs, who owns it. */
  readonly stateDir: string;
  /** The file that exports the agents. */
  readonly configFile: string;
  readonly tenant: string;
  /** Who sends turns from the command line. */
  readonly user: string;
  /** PostgreSQL for applications; null = the local stack's own. */
  readonly databaseUrl: string | null;
  /** PostgreSQL for `migrate`; defaults to databaseUrl. */
  readonly adminDatabaseUrl: string | null;
  /**
   * Master keys that protect the subjects' keys, newest first: 32 bytes each in base64 or hexadecimal, parted by commas or line ends; null =
   * the local stack's own.
   */
  readonly masterKey: string | null;
  readonly temporal: {
    /** host:port; null = the local stack's own. */
    readonly address: string | null;
    readonly namespace: string;
    readonly apiKey: string | null;
    readonly taskQueue: string;
  };
  readonly model: {
    /** Base URL of an OpenAI-compatible API; null = the demo model, unless an API key is set (then the provider's default). */
    readonly baseUrl: string | null;
    readonly apiKey: string | null;
    /** Name for agents that name none. */
    readonly name: string | null;
    readonly timeoutMs: number;
  };
  readonly embedder: {
    /** `hash` works offline; `openai` asks the model's base URL. */
    readonly kind: 'hash' | 'openai';
    readonly model: string;
  };
  /** A worker that is silent for longer is taken for dead, in milliseconds. */
  readonly heartbeatMs: number;
  /** Pause between rounds of the sweeper, in milliseconds. */
  readonly sweepMs: number;
  /** Pause between rounds of consolidation, in hours; 0 = no schedule is made. */
  readonly consolidateHours: number;
  /** Memories of one scope from which pgvector is used, where the server has it; null = never. */
  readonly pgvectorFrom: number | null;
  /** Workflow bundle made before, to start faster; null = bundle at start. */
  readonly workflowBundle: string | null;
  /** Which task queues a worker serves. */
  readonly queues: 'turns' | 'background' | 'all';
  /** Turns finish on the version of the code they began on; needs one version to be made current. */
  readonly versioning: boolean;
  /** Names the version of a versioned worker; null = code version and a digest of the workflows. */
  readonly buildId: string | null;
  /** Fault injection: end the process by SIGKILL at this boundary, `boundary` or `boundary@turn`. For tests and the demo. */
  readonly failpoint: string | null;
}

/**
 * Reads the environment. The only place that does: every other room gets typed values.
 * Throws HoldfastError CONFIG_INVALID that names the variable, what is expected and what was given.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, cwd = process.cwd()): Config {
  const text = (...names: string[]): string | null =>
    names.map((name) => env[name]).find((value) => value !== undefined && value !== '') ?? null;
  const milliseconds = (name: string, fallback: number): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (Number.isInteger(number) && number >= 100 && number <= 3_600_000) return number;
    throw invalid(name, 'a whole number of milliseconds from 100 to 3600000', value);
  };
  const hours = (name: string, fallback: number): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number <= 8_760) return number;
    throw invalid(name, 'a whole number of hours from 0 (off) to 8760', value);
  };
  const countOrOff = (name: string, fallback: number): number | null => {
    const value = text(name);
    if (value === null) return fallback;
    if (value === 'off') return null;
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    throw invalid(name, '"off" or a whole number of memories from 1 to 999999999', value);
  };
  /** One of some words; the first is the default. */
  const oneOf = <const Words extends readonly [string, ...string[]]>(name: string, words: Words): Words[number] => {
    const value = text(name) ?? words[0];
    const found = words.find((word) => word === value);
    if (found === undefined) throw invalid(name, words.map((word) => `"${word}"`).join(' or '), value);
    return found;
  };
  const embedder = text('HOLDFAST_EMBEDDER') ?? 'hash';
  if (embedder !== 'hash' && embedder !== 'openai') throw invalid('HOLDFAST_EMBEDDER', '"hash" or "openai"', embedder);
  const databaseUrl = text('HOLDFAST_DATABASE_URL', 'DATABASE_URL');
  for (const [name, value] of [
    ['DATABASE_URL', databaseUrl],
    ['HOLDFAST_ADMIN_DATABASE_URL', text('HOLDFAST_ADMIN_DATABASE_URL')],
  ] as const) {
    if (value !== null && !/^postgres(ql)?:\/\//.test(value))
      throw invalid(name, 'a URL that begins with postgres://', value.replace(/:\/\/([^:@/]*):.*@/, '://$1:***@'));
  }
  return {
    stateDir: resolve(cwd, text('HOLDFAST_DIR') ?? '.holdfast'),
    configFile: resolve(cwd, text('HOLDFAST_CONFIG') ?? join(cwd, 'holdfast.config.ts')),
    tenant: text('HOLDFAST_TENANT') ?? 'default',
    user: text('HOLDFAST_USER', 'USER') ?? 'me',
    databaseUrl,
    adminDatabaseUrl: text('HOLDFAST_ADMIN_DATABASE_URL') ?? databaseUrl,
    masterKey: text('HOLDFAST_MASTER_KEY') ?? readKeyFile(text('HOLDFAST_MASTER_KEY_FILE')),
    temporal: {
      address: text('HOLDFAST_TEMPORAL_ADDRESS', 'TEMPORAL_ADDRESS'),
      namespace: text('HOLDFAST_TEMPORAL_NAMESPACE', 'TEMPORAL_NAMESPACE') ?? 'default',
      apiKey: text('HOLDFAST_TEMPORAL_API_KEY', 'TEMPORAL_API_KEY'),
      taskQueue: text('HOLDFAST_TASK_QUEUE') ?? 'holdfast',
    },
    model: {
      baseUrl: text('HOLDFAST_LLM_BASE_URL', 'OPENAI_BASE_URL'),
      apiKey: text('HOLDFAST_LLM_API_KEY', 'OPENAI_API_KEY'),
      name: text('HOLDFAST_MODEL'),
      timeoutMs: milliseconds('HOLDFAST_MODEL_TIMEOUT_MS', 120_000),
    },
    embedder: { kind: embedder, model: text('HOLDFAST_EMBEDDING_MODEL') ?? 'text-embedding-3-small' },
    heartbeatMs: milliseconds('HOLDFAST_HEARTBEAT_MS', 5_000),
    sweepMs: milliseconds('HOLDFAST_SWEEP_MS', 60_000),
    consolidateHours: hours('HOLDFAST_CONSOLIDATE_HOURS', 24),
    pgvectorFrom: countOrOff('HOLDFAST_PGVECTOR_FROM', 150_000),
    workflowBundle: text('HOLDFAST_WORKFLOW_BUNDLE'),
    queues: oneOf('HOLDFAST_QUEUES', ['all', 'turns', 'background']),
    versioning: oneOf('HOLDFAST_VERSIONING', ['off', 'on']) === 'on',
    buildId: text('HOLDFAST_BUILD_ID'),
    failpoint: text('HOLDFAST_FAILPOINT'),
  };
}

function readKeyFile(file: string | null): string | null {
  if (file === null) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw invalid('HOLDFAST_MASTER_KEY_FILE', `a file that can be read (${why})`, file);
  }
}

/** The environment of a child process: ours, with changes. */
export function childEnvironment(changes: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return { ...process.env, ...changes };
}

/** True when turns go to the scripted demo model: no base URL and no key are set. */
export function usesDemoModel({ model }: Pick<Config, 'model'>): boolean {
  return model.baseUrl === null && model.apiKey === null;
}

function invalid(name: string, expected: string, given: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', `${name} must be ${expected}; it is "${given}".`, {
    hint: 'Correct it in the environment, or unset it to use the default (docs/configuration.md).',
  });
}
