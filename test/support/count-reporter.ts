import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one line that scripts can read: `N passed, N failed`, with `, N skipped` where there are any. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const before = count.failed;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
      // A file that breaks outside its tests has failed, even if no test of it did.
      if (module.state() === 'failed' && count.failed === before) count.failed += 1;
    }
    console.log(
      `\n${count.passed} passed, ${count.failed + count.pending} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`,
    );
  }
}
