import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SegmentDamagedError, SegmentFolderError, SegmentsMissingError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import { asCount, asList, asObject, asText } from './segment-format.ts';

/** A segment file as the manifest knows it. */
export interface SegmentEntry {
  /** Name of the file beside the manifest. */
  readonly file: string;
  readonly from: Position;
  readonly to: Position;
  readonly commands: number;
  readonly events: number;
  /** Streams of the log after this segment. */
  readonly streams: number;
  /** Seals that this segment tells of and no earlier one. */
  readonly sealed: number;
  /** Size of the file. */
  readonly bytes: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  readonly chainBefore: string;
  readonly chainAfter: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What a log's folder holds: whole segments only, in order, without holes. */
export interface Manifest {
  readonly tenant: string;
  readonly segments: readonly SegmentEntry[];
}

const manifestName = 'manifest.json';
const manifestFormat = 'holdfast-segments';

/**
 * Folder of one log below an export's folder. A tenant may be called anything, so the name is a readable part and a hash: it
 * never leaves the folder, and two tenants never share one, however the file system sees upper and lower case.
 */
export function logFolder(folder: string, tenant: string): string {
  const readable = tenant
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .slice(0, 40);
  return join(folder, `${readable}.${createHash('sha256').update(tenant).digest('hex').slice(0, 12)}`);
}

/** Name of the file of a segment. */
export function segmentName({ from, to }: { readonly from: Position; readonly to: Position }): string {
  return `segment-${String(from).padStart(12, '0')}-${String(to).padStart(12, '0')}.jsonl.gz`;
}

/** Reads the manifest of one log's folder; one without segments when there is none yet. Throws SegmentDamagedError. */
export async function readManifest(folder: string, tenant: string): Promise<Manifest> {
  const found = await readManifestIn(logFolder(folder, tenant));
  if (found && found.tenant !== tenant) {
    throw new SegmentDamagedError(
      join(logFolder(folder, tenant), manifestName),
      `it is that of tenant "${found.tenant}"`,
    );
  }
  return found ?? { tenant, segments: [] };
}

/** The same; throws SegmentsMissingError when the folder holds no segments of the tenant. */
export async function requireManifest(folder: string, tenant: string): Promise<Manifest> {
  const manifest = await readManifest(folder, tenant);
  if (manifest.segments.length === 0) {
    throw new SegmentsMissingError(
      folder,
      `holds no segments of tenant "${tenant}"`,
      'Name the folder that was exported to.',
    );
  }
  return manifest;
}

/** Tenants whose segments lie below a folder, in order of their ids. */
export async function listTenants(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const tenants: string[] = [];
  for (const entry of entries) {
    const manifest = entry.isDirectory() ? await readManifestIn(join(folder, entry.name)) : undefined;
    if (manifest) tenants.push(manifest.tenant);
  }
  return tenants.sort();
}

/** Puts a manifest in place of the one before, in one step. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(logFolder(folder, manifest.tenant), manifestName);
  const document = { format: manifestFormat, version: 1, tenant: manifest.tenant, segments: manifest.segments };
  await writeWhole(path, async (temporary) => {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(`${JSON.stringify(document, null, 1)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/**
 * Writes a file so that it is there whole or not at all: under another name first, which `write` must have flushed to disk,
 * then renamed. A process killed meanwhile leaves a `.part` file that nobody reads. Throws SegmentFolderError.
 */
export async function writeWhole<T>(path: string, write: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const result = await write(temporary);
    await rename(temporary, path);
    const folder = await open(dirname(path), 'r');
    // The rename itself is durable only when the folder is.
    await folder.sync().finally(() => folder.close());
    return result;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    // What is written comes from a database, whose errors come through as they are.
    const ofFile = error instanceof Error && 'syscall' in error && fileCalls.has(String(error.syscall));
    throw ofFile ? new SegmentFolderError(path, error) : error;
  }
}

const fileCalls = new Set(['open', 'mkdir', 'write', 'writev', 'fsync', 'fdatasync', 'close', 'rename']);

/** SHA-256 of a file's bytes, in hex, and their number. */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Removes what killed writers left behind. */
export async function removeParts(folder: string, tenant: string): Promise<void> {
  const own = logFolder(folder, tenant);
  for (const name of await readdir(own).catch(() => [])) {
    if (name.endsWith('.part')) await rm(join(own, name), { force: true });
  }
}

async function readManifestIn(own: string): Promise<Manifest | undefined> {
  const path = join(own, manifestName);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  });
  if (text === null) return undefined;
  try {
    return decodeManifest(JSON.parse(text));
  } catch (error) {
    throw new SegmentDamagedError(path, error instanceof Error ? error.message : String(error), error);
  }
}

function decodeManifest(value: unknown): Manifest {
  const document = asObject(value, 'manifest');
  if (document['format'] !== manifestFormat || document['version'] !== 1) {
    throw new Error(`expected format ${manifestFormat} 1`);
  }
  let last: SegmentEntry | undefined;
  const segments = asList(document['segments'], 'segments').map((item) => {
    const entry = decodeEntry(asObject(item, 'segment'));
    // A name of any other form could lead out of the folder.
    if (entry.file !== segmentName(entry)) throw new Error(`file ${entry.file}, expected ${segmentName(entry)}`);
    if (entry.from !== (last?.to ?? 0) + 1 || entry.to < entry.from) {
      throw new Error(`segment ${entry.from}..${entry.to} follows position ${last?.to ?? 0}`);
    }
    if (entry.chainBefore !== (last?.chainAfter ?? '')) throw new Error(`the chain breaks at position ${entry.from}`);
    last = entry;
    return entry;
  });
  return { tenant: asText(document['tenant'], 'tenant'), segments };
}

function decodeEntry(entry: Readonly<Record<string, unknown>>): SegmentEntry {
  const count = (name: string): number => asCount(entry[name], name);
  const text = (name: string): string => asText(entry[name], name);
  return {
    file: text('file'),
    from: count('from'),
    to: count('to'),
    commands: count('commands'),
    events: count('events'),
    streams: count('streams'),
    sealed: count('sealed'),
    bytes: count('bytes'),
    sha256: text('sha256'),
    chainBefore: text('chainBefore'),
    chainAfter: text('chainAfter'),
    createdAt: text('createdAt'),
  };
}
