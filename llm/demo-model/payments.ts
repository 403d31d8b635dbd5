import { createHash } from 'node:crypto';
import { isRecord } from './conversation.ts';

/** An order of the demo shop. */
export interface Order {
  readonly order: string;
  readonly item: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
}

/** A refund that the demo payments system made. */
export interface Refund {
  readonly refund: string;
  readonly order: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: 'refunded';
  readonly idempotencyKey: string;
}

/** Answer of the payments system, with an HTTP status for the edge. */
export type RefundAnswer =
  { readonly status: 200 | 201; readonly refund: Refund } | { readonly status: 400 | 404; readonly error: string };

const ITEMS = [
  'rain jacket',
  'wool jumper',
  'hiking boots',
  'backpack',
  'head torch',
  'water bottle',
  'sun hat',
  'yoga mat',
  'bike helmet',
  'sleeping bag',
  'trail socks',
  'camping stove',
];
const STATUSES = ['shipped', 'delivered', 'in preparation', 'delayed'];

/** Gives the order of an id like A-1001, derived from the id alone; null for ids of another shape. */
export function orderOf(id: string): Order | null {
  const order = id.toUpperCase();
  if (!/^A-\d{1,12}$/.test(order)) return null;
  if (order === 'A-1001') return { order, item: 'running shoes', amount: 120, currency: 'EUR', status: 'shipped' };
  const hash = createHash('sha256').update(order).digest();
  return {
    order,
    item: ITEMS[hash.readUInt16BE(0) % ITEMS.length] ?? 'backpack',
    amount: 10 + (hash.readUInt16BE(2) % 38) * 5,
    currency: 'EUR',
    status: STATUSES[hash.readUInt16BE(4) % STATUSES.length] ?? 'shipped',
  };
}

/**
 * Gives a payments system that refunds each idempotency key once: the same key gets the first answer again, whatever
 * its body says. Refunds live in memory.
 */
export function createPayments(): {
  refund(idempotencyKey: string | undefined, body: unknown): RefundAnswer;
  list(): readonly Refund[];
} {
  const refunds = new Map<string, Refund>();
  return {
    refund(idempotencyKey, body) {
      if (idempotencyKey === undefined || idempotencyKey.trim() === '') {
        return { status: 400, error: 'The header Idempotency-Key is required, but none was given.' };
      }
      const first = refunds.get(idempotencyKey);
      if (first !== undefined) return { status: 200, refund: first };
      const { order, amount, currency } = isRecord(body) ? body : {};
      if (typeof order !== 'string') return { status: 400, error: 'order must be text such as "A-1001".' };
      if (typeof amount !== 'number' || !Number.isFinite(amount) || amount <= 0) {
        return { status: 400, error: 'amount must be a number above 0.' };
      }
      if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) {
        return { status: 400, error: 'currency must be three capital letters such as "EUR".' };
      }
      const known = orderOf(order);
      if (known === null) return { status: 404, error: `There is no order ${order.slice(0, 40)}.` };
      const refund: Refund = {
        refund: `re_${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 16)}`,
        order: known.order,
        amount,
        currency,
        status: 'refunded',
        idempotencyKey,
      };
      refunds.set(idempotencyKey, refund);
      return { status: 201, refund };
    },
    list: () => [...refunds.values()],
  };
}
