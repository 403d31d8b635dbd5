# shellcheck shell=bash
# Finding and getting the Temporal CLI: the part of temporal-dev.sh that runs before there is a server. Sourced by it.
# Uses from there: note, fail, spawn, process_start, acquire_lock, release_lock, clean_env, here; sets cli.

cli_version=v1.5.1
oldest_server=1.28 # the first with update-with-start, which every turn uses

cache_folder() {
  if [ -n "${XDG_CACHE_HOME:-}" ]; then echo "$XDG_CACHE_HOME/holdfast/temporal"
  elif [ "$(uname)" = Darwin ]; then echo "${HOME:?HOME is not set}/Library/Caches/holdfast/temporal"
  else echo "${HOME:?HOME is not set}/.cache/holdfast/temporal"; fi
}

recent_enough() {
  local version
  version=$("${clean_env[@]}" "$1" --version 2>/dev/null | sed -n 's/.*Server \([0-9][0-9.]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$oldest_server" "$version" | sort -t. -k1,1n -k2,2n | head -1)" = "$oldest_server" ]
}

cli=
find_cli() {
  cli=$(command -v temporal || true)
  if [ -n "$cli" ] && ! recent_enough "$cli"; then
    note "$cli is older than Temporal Server $oldest_server, looking further"
    cli=
  fi
  if [ -z "$cli" ] && [ -x "$(cache_folder)/temporal" ]; then cli=$(cache_folder)/temporal; fi
  [ -n "$cli" ]
}

# Runs a command in its own group, says every 10 s that it goes on; gives up after $2 s
# in which folder $1 did not grow (a slow line is no reason to stop, a dead one is).
run_watched() {
  local folder=$1 stall=$2 what=$3 began=$SECONDS said=$SECONDS grown=$SECONDS size=0 now
  shift 3
  spawn "$@" >>"$folder/log" 2>&1 </dev/null
  child=$spawned
  while [ -n "$(process_start "$child")" ]; do
    sleep 0.5
    now=$(du -sk "$folder" 2>/dev/null | cut -f1)
    if [ "${now:-0}" -gt "$size" ]; then size=$now grown=$SECONDS; fi
    if [ "$stall" -gt 0 ] && [ $((SECONDS - grown)) -ge "$stall" ]; then
      kill -KILL -- "-$child" 2>/dev/null || true
      wait "$child" 2>/dev/null || true
      child=
      return 124
    fi
    if [ $((SECONDS - said)) -ge 10 ]; then said=$SECONDS; note "$what: $((SECONDS - began)) s"; fi
  done
  local code=0
  wait "$child" || code=$?
  child=
  return "$code"
}

# The Temporal SDK carries a downloader for exactly this purpose; it has no public door, so a change of its inside must
# only cost us this one way of several. The server it starts along the way is ended at once.
download_script="
const { createRequire } = require('node:module');
const local = createRequire(process.argv[1]);
const worker = createRequire(local.resolve('@temporalio/worker'));
const { native } = worker('@temporalio/core-bridge');
const { version } = worker('@temporalio/core-bridge/package.json');
const runtime = native.newRuntime({ logExporter: { type: 'console', filter: 'ERROR', format: null },
  telemetry: { metricPrefix: 'temporal_', attachServiceName: true }, metricsExporter: null, workerHeartbeatIntervalMillis: null });
const exe = { type: 'cached-download', downloadDir: process.argv[2], version: 'default', ttl: 0, sdkName: 'sdk-typescript', sdkVersion: version };
native.newEphemeralServer(runtime, { type: 'dev-server', exe, namespace: 'default', ip: '127.0.0.1', port: null,
  uiPort: null, dbFilename: null, ui: false, log: { format: 'text', level: 'error' }, extraArgs: [] })
  .then((server) => native.ephemeralServerShutdown(server))
  .then(() => process.exit(0), (error) => { console.error(String(error)); process.exit(1); });"

get_cli() {
  local cache node file
  cache=$(cache_folder)
  mkdir -p "$cache" || fail "cannot create the cache folder $cache"
  acquire_lock "$cache/get.lock"
  if find_cli; then release_lock; return; fi
  scratch=$(mktemp -d "$cache/get.XXXXXX")
  node=$here/node_modules/.bin/node
  [ -x "$node" ] || node=$(command -v node || true)
  if [ -n "$node" ] && [ -z "${HOLDFAST_NO_DOWNLOAD:-}" ]; then
    note 'downloading the Temporal CLI (once)'
    run_watched "$scratch" 20 'downloading the Temporal CLI' "$node" -e "$download_script" "$self" "$scratch" || true
    # Its own exit code does not matter: a server that was slow to start is a download that worked.
    for file in "$scratch"/temporal-sdk-typescript-*; do
      case "$file" in *.downloading) ;; *) [ ! -x "$file" ] || keep_cli "$file" "$cache" || true ;; esac
    done
    [ -n "$cli" ] || note "could not download it: $(tail -1 "$scratch/log" | cut -c1-200 | grep . || echo 'no progress for 20 s')"
  fi
  if [ -z "$cli" ] && command -v go >/dev/null; then
    note "building the Temporal CLI $cli_version with Go: about 5 minutes, once"
    run_watched "$scratch" 0 'building the Temporal CLI' \
      env "GOBIN=$scratch" go install "github.com/temporalio/cli/cmd/temporal@$cli_version" ||
      fail "the build failed: $(tail -5 "$scratch/log")"
    keep_cli "$scratch/temporal" "$cache" || fail "the CLI that was built does not run: $scratch/temporal"
  fi
  rm -rf "$scratch"; scratch=
  [ -n "$cli" ] || fail "found no Temporal CLI. Any one of these helps:
  - install it (https://docs.temporal.io/cli, on macOS: brew install temporal), so that 'temporal' is on PATH
  - put the program 'temporal' into $cache
  - let this script download it: needs Node with this project's packages, and the network
  - install Go (https://go.dev/dl), and this script builds it
  - run a Temporal server elsewhere and set TEMPORAL_ADDRESS"
  release_lock
}

keep_cli() { recent_enough "$1" && mv -f "$1" "$2/temporal" && cli=$2/temporal; }
