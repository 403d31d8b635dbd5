import type { Config } from '../config/config.ts';
import { usesDemoModel } from '../config/config.ts';
import type { Connections } from './connect.ts';
import { failed, look, ok } from './doctor-finding.ts';
import type { Finding } from './doctor-finding.ts';
import { examinePostgres } from './doctor-postgres.ts';
import { examineTemporal } from './doctor-temporal.ts';

const leastNode = [22, 18] as const;

/** Runs every check that can be run: what fails early does not keep the independent ones from being looked at. */
export async function examine(readConfig: () => Config): Promise<Finding[]> {
  const findings = [examineNode()];
  let config: Config;
  try {
    config = readConfig();
  } catch (error) {
    return [...findings, failed('environment', error)];
  }
  findings.push(await examineConfigFile(config));
  findings.push(await look('master key', () => examineMasterKey(config)));
  const { findConnections } = await import('./connect.ts');
  let connections: Connections | undefined;
  try {
    connections = await findConnections(config);
    const from = connections.from === 'environment' ? 'the environment' : `the stack running in ${connections.from}`;
    findings.push(ok('servers', `named by ${from}`));
  } catch (error) {
    findings.push(failed('servers', error));
  }
  // One of the two may be named although the other is not.
  const databaseUrl = connections?.databaseUrl ?? config.databaseUrl;
  const temporalAddress = connections?.temporalAddress ?? config.temporal.address;
  if (databaseUrl !== null) findings.push(...(await examinePostgres(databaseUrl, config)));
  if (temporalAddress !== null) findings.push(...(await examineTemporal(temporalAddress, config.temporal)));
  findings.push(await examineModel(config));
  return findings;
}

function examineNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fine = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (fine) return ok('node', `version ${process.versions.node}`);
  const message = `version ${process.versions.node}; Holdfast needs ${leastNode.join('.')} or later`;
  return { check: 'node', status: 'fail', message, fix: 'Install a current Node.js from https://nodejs.org.' };
}

async function examineConfigFile({ configFile }: Config): Promise<Finding> {
  const { loadAgents } = await import('../worker/load-agents.ts');
  try {
    const agents = [...(await loadAgents(configFile)).keys()];
    return ok('config file', `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}: ${agents.join(', ')}`);
  } catch (error) {
    return failed('config file', error);
  }
}

async function examineMasterKey(config: Config): Promise<Finding> {
  const { findKeyWrapper, missingMasterKey } = await import('./master-key.ts');
  const keyWrapper = await findKeyWrapper(config);
  if (keyWrapper) return ok('master key', `personal data is protected by ${keyWrapper.id}`);
  // The local stack makes its own when it is first started.
  if (config.databaseUrl === null) return ok('master key', 'none yet; `npm run dev` makes one');
  throw missingMasterKey();
}

async function examineModel(config: Config): Promise<Finding> {
  const baseUrl = usesDemoModel(config)
    ? await demoModelUrl(config)
    : (config.model.baseUrl ?? 'https://api.openai.com/v1');
  if (baseUrl === null) {
    return {
      check: 'model',
      status: 'warn',
      message: 'no model is set, and the demo model does not run',
      fix: 'Start `npm run dev`, or set OPENAI_BASE_URL or OPENAI_API_KEY.',
    };
  }
  const fix = 'Check OPENAI_BASE_URL (it usually ends in /v1) and OPENAI_API_KEY.';
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, '')}/models`, {
      headers: config.model.apiKey === null ? {} : { authorization: `Bearer ${config.model.apiKey}` },
      signal: AbortSignal.timeout(5_000),
    });
    await response.body?.cancel();
    if (response.ok) return ok('model', `${usesDemoModel(config) ? 'the demo model ' : ''}answers at ${baseUrl}`);
    const message = `GET ${baseUrl}/models was answered with status ${response.status}`;
    // Some servers have no list of models and are fine for chat; a refused key is never fine.
    return { check: 'model', status: response.status === 404 ? 'warn' : 'fail', message, fix };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { check: 'model', status: 'fail', message: `no answer at ${baseUrl}: ${cause}`, fix };
  }
}

/** Base URL of the demo model that runs in this folder, or null. */
export async function demoModelUrl(config: Config): Promise<string | null> {
  const [{ readOwner }, { serviceNames }] = await Promise.all([
    import('../stack/own-folder.ts'),
    import('./connect.ts'),
  ]);
  const owner = await readOwner(config.stateDir);
  if (owner.state !== 'alive') return null;
  return owner.owner.services.find(({ name }) => name === serviceNames.demoModel)?.url ?? null;
}
