import { type FinishedCall, isRecord, toObject } from './conversation.ts';
import { describeMemory } from './memory-results.ts';
import { asSentence } from './third-person.ts';

/** States the results of tool calls in a few words, never more than the results say. */
export function describeResults(finished: readonly FinishedCall[]): string {
  const refunded = new Set(
    finished.filter((call) => call.name === 'refund_order').map((call) => call.arguments['order']),
  );
  return finished
    .filter((call) => !(call.name === 'lookup_order' && refunded.has(call.arguments['order'])))
    .map((call) => describe(call))
    .join(' ');
}

function describe(call: FinishedCall): string {
  const record = toObject(call.result);
  const memory = describeMemory(call);
  if (memory !== null) return memory;
  const rejection = rejectionIn(call.result, record);
  if (rejection !== null) {
    const reason = rejection === '' ? 'no reason was given' : `the reason given: ${rejection}`;
    return asSentence(`The call of ${call.name} was rejected, ${reason}`);
  }
  const failure = failureIn(call.result, record);
  if (failure !== null) return asSentence(`The call of ${call.name} failed: ${failure}`);
  if (call.name === 'memory_remember') return describeRemembered(call);
  if (call.name === 'refund_order') return describeRefund(call, record);
  if (call.name === 'lookup_order' && 'order' in record) return describeOrder(record);
  return describeAny(call);
}

// The shapes that agents and approval layers commonly use, as JSON or as words.
function rejectionIn(result: string, record: Readonly<Record<string, unknown>>): string | null {
  const state = [record['outcome'], record['status'], record['decision']].find((value) => typeof value === 'string');
  const isRejected =
    record['rejected'] === true ||
    record['approved'] === false ||
    (typeof state === 'string' && /^(?:rejected?|denied|declined)$/i.test(state));
  if (isRejected) return firstText(record, ['reason', 'message', 'note', 'error', 'comment']) ?? '';
  const words = firstText(record, ['error', 'message']) ?? (Object.keys(record).length === 0 ? result : '');
  if (!/\b(?:rejected|denied|declined|not approved)\b/i.test(words.slice(0, 200))) return null;
  const reason = /(?:\breason(?: given)?|\bbecause|:)\s*:?\s*(.+)$/is.exec(words)?.[1]?.trim();
  return firstText(record, ['reason']) ?? reason ?? '';
}

function failureIn(result: string, record: Readonly<Record<string, unknown>>): string | null {
  const { error } = record;
  if (typeof error === 'string') return error;
  if (isRecord(error)) return firstText(error, ['message', 'code']) ?? 'no details were given';
  const state = record['outcome'] ?? record['status'];
  if (typeof state === 'string' && /^(?:failed|error|invalid|timed_out)$/i.test(state)) {
    return firstText(record, ['message', 'reason', 'detail']) ?? state;
  }
  if (Object.keys(record).length > 0) return null;
  return /^\W*(?:error|failed|invalid|timed out)\b[:\s-]*(.*)$/is.exec(result)?.[1]?.slice(0, 500) ?? null;
}

function describeRemembered(call: FinishedCall): string {
  const results = listIn(toObject(call.result)['memories']);
  const stored = listIn(call.arguments['memories']).filter((_, at) => results[at]?.['outcome'] !== 'rejected');
  const refused = results.filter((result) => result['outcome'] === 'rejected');
  const noted = stored.map((memory) => textOf(memory)).join('; ');
  const parts = [
    ...(stored.length > 0 || refused.length === 0 ? [noted === '' ? 'Noted.' : asSentence(`Noted: ${noted}`)] : []),
    ...refused.map((result) =>
      asSentence(`Not stored: ${textOf(result)} (${show(result['reason'] ?? 'no reason given')})`),
    ),
  ];
  return parts.join(' ');
}

function listIn(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((item) => isRecord(item)) : [];
}

function textOf({ text }: Readonly<Record<string, unknown>>): string {
  return typeof text === 'string' ? text.replace(/[.\s]+$/, '') : 'something';
}

function describeRefund(call: FinishedCall, record: Readonly<Record<string, unknown>>): string {
  // An approver may have changed the amount: the result knows better than the call.
  // Words instead of a record may say anything: then nothing is claimed.
  if (Object.keys(record).length === 0) return describeAny(call);
  const facts = { ...call.arguments, ...record };
  const { amount, currency, order } = facts;
  if (amount === undefined || order === undefined) return describeAny(call);
  return asSentence(`Refunded ${show(amount)} ${show(currency ?? '')} for order ${show(order)}`.replace(/ {2,}/g, ' '));
}

function describeOrder(record: Readonly<Record<string, unknown>>): string {
  const { order, item, items, amount, currency, status } = record;
  const price = amount === undefined ? [] : [`${show(amount)} ${show(currency ?? '')}`.trim()];
  const parts = [item ?? items, ...price, status].filter((part) => part !== undefined).map((part) => show(part));
  return asSentence(`Order ${show(order)}: ${parts.join(', ')}`);
}

function describeAny({ name, result }: FinishedCall): string {
  const text = result.trim();
  if (text === '') return `${name} gave no result.`;
  // Already a sentence about the tool.
  if (text.startsWith(`"${name}"`)) return asSentence(text.slice(0, 800));
  try {
    return asSentence(`${name} answered: ${show(JSON.parse(text)).slice(0, 800)}`);
  } catch {
    return asSentence(`${name} answered: ${text.slice(0, 800)}`);
  }
}

function show(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'nothing';
  if (Array.isArray(value)) {
    if (value.length === 0) return 'an empty list';
    return value
      .slice(0, 20)
      .map((item) => show(item, depth + 1))
      .join('; ');
  }
  if (isRecord(value)) {
    const entries = Object.entries(value).slice(0, 20);
    if (entries.length === 0) return 'nothing';
    if (depth > 3) return JSON.stringify(value);
    return entries.map(([key, item]) => `${key.replaceAll('_', ' ')} ${show(item, depth + 1)}`).join(', ');
  }
  return JSON.stringify(value);
}

function firstText(record: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  return keys.map((key) => record[key]).find((value) => typeof value === 'string' && value !== '') as
    string | undefined;
}
