import { z } from 'zod';
import { defineTool } from '../agents/index.ts';

/** Tells people; where they look is your choice. */
const page = (to: string | null, approval: string): void =>
  console.log(`${to ?? 'somebody'}: ${approval} waits for you`);

// #region approvals
export const refund = defineTool({
  name: 'refund',
  description: 'Pays an amount back.',
  input: z.object({ order: z.string(), amount: z.number().positive() }),
  approval: ({ amount }) => (amount > 50 ? `refund of ${amount} EUR` : false),
  risk: 'high', // shown to whoever decides
  approvalTimeoutMs: 3_600_000,
  onApprovalTimeout: { to: 'team-lead', timeoutMs: 3_600_000, notify: ({ approval, to }) => page(to, approval) }, // or 'reject'
  execute: ({ order, amount }, { effectKey }) => `Paid ${amount} EUR of ${order} back under key ${effectKey}.`,
});
// #endregion
