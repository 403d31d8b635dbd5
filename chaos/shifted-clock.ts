import { execFile } from 'node:child_process';
import { chmod, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * What programs ask for the time of day gets the milliseconds in a file added; clocks that only measure how long
 * something takes stay as they are. A jump is one write of eight bytes, seen by every process at once.
 */
const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static const volatile int64_t *offset_ms;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const char *name = getenv("HOLDFAST_CLOCK_FILE");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  void *place = file < 0 ? MAP_FAILED : mmap(0, sizeof *offset_ms, PROT_READ, MAP_SHARED, file, 0);
  if (place != MAP_FAILED) offset_ms = place;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!real) begin();
  int failed = real(clock, now);
  if (failed || !offset_ms || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return failed;
  int64_t ms = *offset_ms, ns = now->tv_nsec + (ms % 1000) * 1000000;
  now->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
  now->tv_nsec = ns + (ns < 0) * 1000000000 - (ns >= 1000000000) * 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec exact;
  int failed = clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return failed;
}

time_t time(time_t *place) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (place) *place = exact.tv_sec;
  return exact.tv_sec;
}
`;

/** A clock of processes that can be set while they run; that of the machine is left alone. */
export interface ShiftedClock {
  /** What a process has to have in its environment to live by this clock. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sets it this many milliseconds ahead of the machine's (or behind it, when negative), for all of them at once. */
  set(ms: number): Promise<void>;
  /** Removes its files; processes that live by it must have ended. */
  remove(): Promise<void>;
}

/**
 * Builds a clock with the C compiler of the machine.
 *
 * @returns the clock, or in words why it cannot be had here.
 */
export async function buildShiftedClock(): Promise<ShiftedClock | string> {
  if (process.platform !== 'linux') return 'the clock of single processes can be set on Linux only';
  // Of its own, and open to others: the user that PostgreSQL runs as must be able to read it.
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-clock-'));
  const [code, library, file] = [join(dir, 'clock.c'), join(dir, 'clock.so'), join(dir, 'offset')];
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    await chmod(dir, 0o755);
    await writeFile(code, source);
    await run('cc', ['-shared', '-fPIC', '-O2', '-o', library, code, '-ldl']);
    await writeFile(file, new BigInt64Array([0n]), { mode: 0o644 });
  } catch (error) {
    await remove();
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'there is no C compiler (cc)';
    const [line = ''] = (error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)).split(
      '\n',
    );
    return `the C compiler does not build it: ${line.slice(0, 200)}`;
  }
  return {
    environment: { LD_PRELOAD: library, HOLDFAST_CLOCK_FILE: file },
    set: async (ms) => {
      const handle = await open(file, 'r+');
      try {
        await handle.write(new BigInt64Array([BigInt(ms)]));
      } finally {
        await handle.close();
      }
    },
    remove,
  };
}
