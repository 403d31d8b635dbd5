import { setTimeout as delay } from 'node:timers/promises';
import type { ComparedView, ViewDifference } from './compare-views.ts';
import { compareViews } from './compare-views.ts';
import { openPool, ownerRole } from '../database.ts';
import { createDecoder } from '../read/decode-events.ts';
import { HandOverBlockedError, UnknownViewError } from '../errors-rebuild.ts';
import { SchemaDriftError } from '../errors.ts';
import type { EventShape } from '../event.ts';
import { explainRebuild } from '../explain-failure.ts';
import type { ReadArchived, ShadowFold, Tail } from './fold-shadow.ts';
import { archivedError, beginEveryTenant, foldTail, keptStates, listTails } from './fold-shadow.ts';
import { handOver, mostTailEvents } from './hand-over.ts';
import { transactionOn } from '../transaction-on.ts';
import type { LogSchema } from '../log-schema.ts';
import type { RebuildSession } from './rebuild-lock.ts';
import { withRebuildLock } from './rebuild-lock.ts';
import type { RebuildPlan } from './rebuild-plan.ts';
import { planRebuild, shadowOf } from './rebuild-plan.ts';
import type { RebuildProgress } from './rebuild-progress.ts';
import { blockedBy, countFolded } from './rebuild-progress.ts';
import { canResume, createShadow, dropShadow, indexShadow, tidyAfterHandOver } from './shadow-tables.ts';
import { viewsOf } from './view-definitions.ts';

export interface RebuildOptions<E extends EventShape> {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  readonly schema: LogSchema<E>;
  /** Names of the views to rebuild. @default all */
  readonly views?: readonly string[];
  /** Only compare what the log gives with the live views, and change nothing. @default false */
  readonly check?: boolean;
  /** Way to the events of archived logs. @default none; a log that was archived is then refused */
  readonly archived?: ReadArchived;
  /** Give up the hand-over when others have not let go for this long. @default 300000 */
  readonly handOverTimeoutMs?: number;
  /** Called for every step and every page. */
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** A view as a rebuild found it. */
export interface RebuiltView {
  readonly name: string;
  /** Rows that the log gives, and rows of the live view, as of one position of each log; null when they were not counted. */
  readonly rows: number | null;
  readonly liveRows: number | null;
  /** Whether both held the same rows; null when the definition had changed, so that they need not. */
  readonly equal: boolean | null;
  /** Per tenant, where they did not. */
  readonly differences: readonly ViewDifference[];
}

/** What a rebuild did. */
export interface RebuildReport {
  readonly views: readonly RebuiltView[];
  /** Events folded by this run. */
  readonly events: number;
  /** True when it went on where a killed run had stopped. */
  readonly resumed: boolean;
  readonly durationMs: number;
  /** How long appends were kept waiting; null when nothing was handed over. */
  readonly pauseMs: number | null;
  /** Attempts of the hand-over. */
  readonly attempts: number;
}

/**
 * Rebuilds views from the log while writers and readers go on, compares them with the live ones, and hands them over. For drift:
 * rows that are not what the log gives, by an error or behind Holdfast's back.
 * Throws RebuildRunningError, SchemaDriftError, LogArchivedError, HandOverBlockedError, UnknownViewError, StoreUnavailableError;
 * the live views are then as they were.
 */
export async function rebuildViews<E extends EventShape>(options: RebuildOptions<E>): Promise<RebuildReport> {
  const { adminUrl, schema } = options;
  const known = viewsOf(schema.projections).map(({ view }) => view.name);
  const asked = options.views ?? known;
  for (const name of asked) if (!known.includes(name)) throw new UnknownViewError(name, known);
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast rebuild', statementTimeoutMs: 0 });
  // A connection that breaks in use tells by its query; without a listener it would end the process as well.
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    return await withRebuildLock(pool, async (session) => {
      const plan = await planRebuild(session.writer, schema, asked);
      if (plan.build.length !== plan.same.size || plan.gone.length > 0) {
        throw new SchemaDriftError('its views have other definitions');
      }
      return buildViews(session, plan, options);
    });
  } catch (error) {
    throw explainRebuild(error);
  } finally {
    await pool.end();
  }
}

/** Builds what a plan names and hands it over. The session holds the lock of rebuilds. */
export async function buildViews<E extends EventShape>(
  { writer, reader }: RebuildSession,
  plan: RebuildPlan,
  {
    schema,
    check = false,
    archived,
    handOverTimeoutMs = 300_000,
    onProgress = () => undefined,
  }: Omit<RebuildOptions<E>, 'adminUrl' | 'views'>,
): Promise<RebuildReport> {
  const began = performance.now();
  const names = plan.build.map(({ view }) => view.name);
  const resumable = await canResume(writer, plan);
  const found = await transactionOn(writer, () => listTails(writer), beginEveryTenant);
  const tails = resumable ? found : found.map((tail) => ({ ...tail, folded: 0 }));
  const archivedTail = tails.find(({ base, folded }) => base > folded);
  if (archivedTail && names.length > 0 && !archived) throw archivedError(archivedTail.id, archivedTail.base);
  await tidyAfterHandOver(writer);
  if (!resumable) {
    await dropShadow(writer);
    if (names.length > 0) await createShadow(writer, plan);
  }
  onProgress({ step: 'prepared', views: names, resumed: resumable });

  const views = new Set(names);
  const folded = countFolded(remainingOf(tails), onProgress);
  const fold: ShadowFold<E> = {
    writer,
    reader,
    decode: createDecoder(schema),
    projections: schema.projections.filter((p) => p.views.some(({ name }) => views.has(name))),
    views,
    archived,
    onFolded: (events) => folded.add(events),
  };
  await catchUp(fold);
  onProgress({ step: 'indexing' });
  await indexShadow(writer, plan);
  await catchUp(fold);
  onProgress({ step: 'comparing' });
  const compared = await compareAll(fold, plan);

  let handed: { readonly pauseMs: number; readonly attempts: number } | undefined;
  if (check) await dropShadow(writer);
  else {
    handed = await handOverPatiently(fold, plan, handOverTimeoutMs, onProgress);
    onProgress({ step: 'tidying' });
    await tidyAfterHandOver(writer);
  }
  return {
    views: names.map((name) => summarise(name, plan, compared)),
    events: folded.events,
    resumed: resumable,
    durationMs: performance.now() - began,
    pauseMs: handed?.pauseMs ?? null,
    attempts: handed?.attempts ?? 0,
  };
}

/** Folds until what is left is little: it grows while the rest is folded, and less so each time. */
async function catchUp<E extends EventShape>(fold: ShadowFold<E>): Promise<void> {
  if (fold.views.size === 0) return;
  for (let round = 0; round < 20; round++) {
    const tails = await transactionOn(fold.writer, () => listTails(fold.writer), beginEveryTenant);
    for (const tail of tails) await foldTail(fold, tail);
    if (remainingOf(tails) < mostTailEvents / 2) return;
  }
}

async function handOverPatiently<E extends EventShape>(
  fold: ShadowFold<E>,
  plan: RebuildPlan,
  timeoutMs: number,
  onProgress: (progress: RebuildProgress) => void,
): Promise<{ readonly pauseMs: number; readonly attempts: number }> {
  const began = performance.now();
  const waits = { readers: 0, appends: 0, tail: 0 };
  onProgress({ step: 'handing over' });
  for (let attempt = 1; ; attempt++) {
    // Right before: what is appended from here on is folded while appends wait.
    await catchUp(fold);
    // Whoever is waited for makes others wait in turn, so the first attempts are short.
    const result = await handOver(fold, plan, {
      readersMs: Math.min(1_000, 50 * 2 ** waits.readers),
      appendsMs: Math.min(1_000, 25 * 2 ** waits.appends),
    });
    if (result.done) {
      if (result.events > 0) fold.onFolded(result.events);
      onProgress({ step: 'handed over', pauseMs: result.pauseMs });
      return { pauseMs: result.pauseMs, attempts: attempt };
    }
    waits[result.why] += 1;
    if (performance.now() - began > timeoutMs) throw new HandOverBlockedError(attempt, blockedBy[result.why]);
    onProgress({ step: 'blocked', why: result.why, attempt });
    await delay(Math.min(1_000, 20 * attempt));
  }
}

/** Compares every rebuilt view whose definition is that of the live one, log by log, where the shadow stands. */
async function compareAll<E extends EventShape>({ writer }: ShadowFold<E>, plan: RebuildPlan): Promise<ComparedView[]> {
  const views = plan.build.map(({ view }) => view).filter(({ name }) => plan.same.has(name));
  if (views.length === 0) return [];
  const { rows: logs } = await transactionOn(
    writer,
    () =>
      writer.query<{ no: number; id: string; position: number }>(
        `select t.no, t.id, coalesce(r.position, 0) as position
         from holdfast.tenant t left join holdfast.view_rebuild r on r.tenant = t.no where t.state in (${keptStates}) order by t.no`,
      ),
    beginEveryTenant,
  );
  const compared: ComparedView[] = [];
  for (const { position, ...tenant } of logs) {
    compared.push(...(await compareViews(writer, { views, rebuilt: (view) => shadowOf(view).name, tenant, position })));
  }
  return compared;
}

function summarise(name: string, { same }: RebuildPlan, compared: readonly ComparedView[]): RebuiltView {
  if (!same.has(name)) return { name, rows: null, liveRows: null, equal: null, differences: [] };
  const own = compared.filter((one) => one.name === name);
  const differences = own.flatMap(({ difference }) => difference ?? []);
  return {
    name,
    rows: own.reduce((sum, { rebuiltRows }) => sum + rebuiltRows, 0),
    liveRows: own.reduce((sum, { liveRows }) => sum + liveRows, 0),
    equal: differences.length === 0,
    differences,
  };
}

function remainingOf(tails: readonly Tail[]): number {
  return tails.reduce((sum, { head, folded }) => sum + head - folded, 0);
}
