import { sentencesOf } from './clauses.ts';
import { isRecord, toObject, type Conversation } from './conversation.ts';
import { personName } from './extract.ts';
import { memoryCall } from './memory-use.ts';
import { rememberContent, toMemories } from './remember.ts';
import type { ToolStep } from './tool-step.ts';

/** Decides the next tool calls for the last user message. No call is made twice for the same message, whatever came of it. */
export function nextToolStep(conversation: Conversation, tools: readonly string[]): ToolStep {
  return (
    explicitCall(conversation, tools) ??
    rememberCall(conversation, tools) ??
    memoryCall(conversation, tools) ??
    lookupCalls(conversation, tools) ??
    refundCall(conversation, tools)
  );
}

// "use the tool deploy with {"service": "api"}" lets people try tools of their own.
function explicitCall({ said, finished }: Conversation, tools: readonly string[]): ToolStep {
  const match = /\b(?:use|call|run|invoke) (?:the )?tool [`"'“]?([\w.-]+)[`"'”]?/i.exec(said);
  const name = match?.[1]?.replace(/\.$/, '');
  if (match === null || name === undefined || finished.some((call) => call.name === name)) return null;
  if (!tools.includes(name)) {
    const offered = tools.length === 0 ? 'none' : tools.join(', ');
    return { say: `I have no tool called ${name}. The tools I can use: ${offered}.` };
  }
  const rest = said.slice(match.index + match[0].length);
  const json = firstObject(rest);
  if (json === undefined) return { calls: [{ name, arguments: {} }] };
  return json === null
    ? { say: `I could not read the JSON after "${name}". Write it like {"key": "value"}.` }
    : { calls: [{ name, arguments: json }] };
}

// undefined: no braces at all; null: braces, but not JSON.
function firstObject(text: string): Readonly<Record<string, unknown>> | null | undefined {
  const start = text.indexOf('{');
  if (start < 0) return undefined;
  // At most 200 candidates, so that a wall of braces stays cheap.
  let end = text.lastIndexOf('}');
  for (let tries = 0; end > start && tries < 200; tries += 1) {
    try {
      const value: unknown = JSON.parse(text.slice(start, end + 1));
      if (isRecord(value)) return value;
    } catch {
      // A later brace belongs to the sentence, not to the JSON.
    }
    end = text.lastIndexOf('}', end - 1);
  }
  return null;
}

function rememberCall({ said, finished, memories, earlier }: Conversation, tools: readonly string[]): ToolStep {
  if (!tools.includes('memory_remember') || finished.some((call) => call.name === 'memory_remember')) return null;
  const content = rememberContent(said);
  if (content === null || content.items.length === 0) return null;
  const stored = memories.flatMap(({ text }) => {
    const value = /^The user's name is (.+?)\.?$/.exec(text)?.[1];
    return value === undefined ? [] : [{ subject: 'user', relation: 'name', value }];
  });
  const name = personName([...earlier, said, ...content.items], stored);
  return { calls: [{ name: 'memory_remember', arguments: { memories: toMemories(content.items, name) } }] };
}

const ORDER = /\bA-\d+\b/gi;

function ordersIn(text: string): string[] {
  return [...new Set((text.match(ORDER) ?? []).map((order) => order.toUpperCase()))].slice(0, 10);
}

function lookupCalls({ said, finished }: Conversation, tools: readonly string[]): ToolStep {
  if (!tools.includes('lookup_order')) return null;
  const done = finished.filter((call) => call.name === 'lookup_order').map((call) => call.arguments['order']);
  const open = ordersIn(said).filter((order) => !done.includes(order));
  // A result under edited arguments counts too, or the same call would be made for ever.
  if (open.length === 0 || done.length >= ordersIn(said).length) return null;
  return { calls: open.map((order) => ({ name: 'lookup_order', arguments: { order } })) };
}

function refundCall({ said, finished, earlier }: Conversation, tools: readonly string[]): ToolStep {
  if (!tools.includes('refund_order') || !asksForRefund(said)) return null;
  if (finished.some((call) => call.name === 'refund_order')) return null;
  const order = ordersIn(said)[0] ?? earlier.flatMap((text) => ordersIn(text)).at(-1);
  if (order === undefined) return { say: 'Which order is it? Please give its number, for example A-1001.' };
  const lookup = finished.find((call) => call.name === 'lookup_order');
  const record = lookup === undefined ? {} : toObject(lookup.result);
  // Nothing is refunded on an order that could not be found.
  if (
    lookup !== undefined &&
    (!('amount' in record) || 'error' in record) &&
    /error|not found|failed|reject/i.test(lookup.result)
  )
    return null;
  const money =
    moneyIn(said) ??
    (/\b(?:full|fully|everything|whole|entire|all of it|completely)\b/i.test(said) ? moneyOf(record) : null);
  if (money === null) {
    return lookup === undefined
      ? { say: `How much should I refund for order ${order}? For example: refund 20 EUR for order ${order}.` }
      : null;
  }
  return { calls: [{ name: 'refund_order', arguments: { order, ...money, reason: reasonIn(said) } }] };
}

/** True for a wish to get money back, false for questions about refunds of the past or in general. */
export function asksForRefund(text: string): boolean {
  // Sentence by sentence: the patterns below are costly on long ones.
  return sentencesOf(text.slice(0, 20_000)).some(
    (sentence) => sentence.length <= 500 && WISH.test(sentence) && !NO_WISH.test(sentence),
  );
}

const WISH = /\b(?:refund|reimburse|money back|pay me back)\b/i;
const NO_WISH =
  /\b(?:did|have|has|had|was|were)\s+(?:you|it|we|i|my|the)\b.*\brefund|\b(?:do not|don't|never|no) (?:\w+ )?refund|^\W*(?:what|when|where|how|why|who|which)\b.*\brefund.*\?$/i;

const CURRENCIES: Readonly<Record<string, string>> = {
  '€': 'EUR',
  eur: 'EUR',
  euro: 'EUR',
  euros: 'EUR',
  $: 'USD',
  usd: 'USD',
  dollar: 'USD',
  dollars: 'USD',
  '£': 'GBP',
  gbp: 'GBP',
  pound: 'GBP',
  pounds: 'GBP',
  chf: 'CHF',
  franc: 'CHF',
  francs: 'CHF',
  '¥': 'JPY',
  jpy: 'JPY',
  yen: 'JPY',
  sek: 'SEK',
  nok: 'NOK',
  dkk: 'DKK',
  pln: 'PLN',
  brl: 'BRL',
  inr: 'INR',
  '₹': 'INR',
};
const UNIT = Object.keys(CURRENCIES)
  .filter((unit) => /^[a-z]/.test(unit))
  .sort((one, other) => other.length - one.length)
  .join('|');
// "1,200" and "1.200" are twelve hundred, "1,20" is one and a fifth.
const NUMBER = String.raw`(?<![\d.,])(\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)(?![.,]?\d)`;
const BEFORE = new RegExp(`([€$£¥₹])\\s*${NUMBER}`);
const AFTER = new RegExp(`${NUMBER}\\s*([€$£¥₹]|(?:${UNIT})\\b)`, 'i');
const PLAIN = new RegExp(`\\brefund(?: me)?(?: of)? ${NUMBER}`, 'i');

/** Reads an amount of money such as "80 EUR", "€12.50" or "refund 80". Gives null when there is none above zero. */
export function moneyIn(text: string): { amount: number; currency: string } | null {
  const plain = text.slice(0, 10_000).replace(ORDER, ' ');
  const before = BEFORE.exec(plain);
  const after = before === null ? AFTER.exec(plain) : null;
  const number = before?.[2] ?? after?.[1] ?? PLAIN.exec(plain)?.[1];
  if (number === undefined) return null;
  const unit = (before?.[1] ?? after?.[2] ?? 'eur').toLowerCase();
  const amount = Number(number.replace(/[.,](?=\d{3}(?!\d))/g, '').replace(',', '.'));
  return Number.isFinite(amount) && amount > 0 ? { amount, currency: CURRENCIES[unit] ?? 'EUR' } : null;
}

function moneyOf(record: Readonly<Record<string, unknown>>): { amount: number; currency: string } | null {
  const { amount, currency } = record;
  return typeof amount === 'number' && amount > 0
    ? { amount, currency: typeof currency === 'string' ? currency : 'EUR' }
    : null;
}

function reasonIn(text: string): string {
  const reason = /\b(?:because|since|as (?=it|they|the|my)|reason:)\s*(.+?)(?:[.!?\n]|$)/is.exec(text)?.[1]?.trim();
  return reason === undefined || reason === '' ? 'requested by the customer' : reason.slice(0, 200);
}
