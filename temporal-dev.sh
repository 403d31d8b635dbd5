#!/usr/bin/env bash
# A local Temporal server for development: finds (or gets) the Temporal CLI, starts its dev server with the settings
# that Holdfast is measured with, and stops it again. Works alone; `./temporal-dev.sh --help` tells how.
# Written for bash 3.2 (macOS) and later. Progress goes to stderr, the result to stdout.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
# shellcheck source=stack/temporal-cli.sh
. "$here/stack/temporal-cli.sh"
# Without a clean environment the CLI would apply the user's cloud profile (TLS, key) to the local server.
clean_env=(env -u TEMPORAL_ADDRESS -u TEMPORAL_NAMESPACE -u TEMPORAL_API_KEY -u TEMPORAL_TLS -u TEMPORAL_ENV
  -u TEMPORAL_PROFILE -u TEMPORAL_CONFIG_FILE -u TEMPORAL_TLS_CLIENT_CERT_PATH -u TEMPORAL_TLS_CLIENT_KEY_PATH
  -u TEMPORAL_TLS_SERVER_CA_CERT_PATH -u TEMPORAL_TLS_SERVER_NAME -u TEMPORAL_GRPC_META
  "HOME=${HOME:-/}") # the CLI refuses to run without one
search_attributes=(HoldfastTenant HoldfastThread HoldfastBranch HoldfastTurn HoldfastAgent HoldfastState)

usage() {
  cat <<'TEXT'
Usage: ./temporal-dev.sh [start|stop|status] [options]

  start             start the server in the background, return once it answers (default)
  stop              end the server that start recorded (SIGTERM, after 10 s SIGKILL)
  status            say whether it runs; exit code 0 if so, 3 if not

  --port N          gRPC port, 7233 by default; moves to a free one if occupied
  --ui-port N       port of the web UI, --port plus 1000 by default; moves likewise
  --headless        no web UI
  --dir DIR         folder for database, log and server.json; .holdfast/temporal beside this script by default
  --db-filename F   database file; temporal.db in that folder by default
  --foreground      with start: stay until Ctrl-C, then stop the server
  --starter NAME    with start: a name recorded in server.json, "user" by default
  --json            print one line of JSON instead of text
  -h, --help        this text

Environment: a server that answers at TEMPORAL_ADDRESS is reported and left alone. The CLI is looked for on PATH, then
in the cache folder (XDG_CACHE_HOME); HOLDFAST_NO_DOWNLOAD=1 keeps the script from downloading one.
TEXT
}

note() { printf '%s\n' "$*" >&2; }
fail() { note "temporal-dev: $*"; exit 1; }

# --- processes -------------------------------------------------------------------------------------------------------

# When a living process began, as text to compare; nothing if it is gone or a zombie. Linux: boot id and clock ticks,
# because `ps` derives the date from a clock that is corrected now and then; elsewhere the date is all there is.
process_start() {
  local line
  if [ -r /proc/self/stat ]; then
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086 # split on purpose: the fields after the command name, which may contain spaces
    set -- ${line##*) }
    [ "$1" = Z ] || echo "$(cat /proc/sys/kernel/random/boot_id):${20}"
  else
    # shellcheck disable=SC2046
    set -- $(LC_ALL=C ps -o stat= -o lstart= -p "$1" 2>/dev/null)
    case "${1:-Z}" in Z*) ;; *) shift; echo "$*" ;; esac
  fi
}

# Its own process group (set -m), so that Ctrl-C in the terminal reaches us first and not the server.
spawned=
spawn() { set -m; "$@" & spawned=$!; set +m; }

held_lock= scratch= child=
cleanup() {
  [ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null || true
  [ -z "$scratch" ] || rm -rf "$scratch"
  release_lock
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A lock is a symbolic link whose text names its holder: created in one atomic step, so it never lacks an owner.
acquire_lock() {
  local lock=$1 mine holder said=$SECONDS
  mine="$$ $(process_start $$)"
  until ln -s "$mine" "$lock" 2>/dev/null; do
    holder=$(readlink "$lock" || true)
    if [ -z "$holder" ]; then
      [ -w "$(dirname "$lock")" ] || fail "cannot write to $(dirname "$lock")"
    elif [ "$(process_start "${holder%% *}")" != "${holder#* }" ]; then
      # Its holder died. Move it away first: two takers cannot both succeed, and who caught a fresh lock gives it back.
      if mv "$lock" "$lock.$$" 2>/dev/null; then
        if [ "$(readlink "$lock.$$")" = "$holder" ]; then rm -f "$lock.$$"; else mv "$lock.$$" "$lock"; fi
      fi
      continue
    elif [ $((SECONDS - said)) -ge 10 ]; then
      said=$SECONDS
      note "waiting for another temporal-dev.sh (process ${holder%% *})"
    fi
    sleep 0.2
  done
  held_lock=$lock
}
release_lock() { [ -z "$held_lock" ] || rm -f "$held_lock"; held_lock=; }

# --- addresses -------------------------------------------------------------------------------------------------------

tcp_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# For hosts that may swallow packets: the same with a limit of 3 s.
tcp_open_soon() {
  local i
  spawn tcp_open "$1" "$2"
  for ((i = 0; i < 30; i++)); do
    [ -n "$(process_start "$spawned")" ] || { wait "$spawned"; return; }
    sleep 0.1
  done
  kill -9 "$spawned" 2>/dev/null || true
  return 1
}

is_port() { case "$1" in '' | *[!0-9]*) return 1 ;; esac; [ "$1" -ge 1 ] && [ "$1" -le 65535 ]; }

free_port() {
  local port=$1
  while tcp_open 127.0.0.1 "$port" || [ "$port" = "${2:-}" ]; do
    port=$((port + 1))
    [ "$port" -le 65535 ] || fail "no free port from $1 on"
  done
  [ "$port" = "$1" ] || note "port $1 is occupied, using $port"
  echo "$port"
}

healthy() { "${clean_env[@]}" "$cli" operator cluster health --address "$1" 2>/dev/null | grep -q SERVING; }

# --- the server ------------------------------------------------------------------------------------------------------

json_text() { printf '"%s"' "$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }
recorded() { sed -n "s/^  \"$1\": \(.*[^,]\),\{0,1\}\$/\1/p" "$dir/server.json" 2>/dev/null || true; }
recorded_text() { recorded "$1" | sed 's/^"//; s/"$//'; }

# True if the recorded process is the one that was recorded, not just one with its number.
recorded_alive() {
  local pid start
  pid=$(recorded pid); start=$(recorded_text processStart)
  [ -n "$pid" ] && [ -n "$start" ] && [ "$(process_start "$pid")" = "$start" ]
}

# Runs as the child: records itself, then becomes the server. So no moment exists in which it lives unrecorded.
run_server() {
  local record=$1
  printf '{\n  "pid": %s,\n  "processStart": "%s",\n%s\n}\n' "$$" "$(process_start $$)" "$record" >"$dir/server.json.$$"
  mv -f "$dir/server.json.$$" "$dir/server.json"
  local args=() name
  for name in "${search_attributes[@]}"; do args+=(--search-attribute "$name=Keyword"); done
  if [ -n "$ui_port" ]; then args+=(--ui-port "$ui_port"); else args+=(--headless); fi
  # Each found by measurement: the default poll rate puts every hop on a 50 ms grid; with 4 partitions some turns wait
  # 2 s for a poller; eager execution saves a round trip per activity.
  exec "${clean_env[@]}" "$cli" server start-dev --ip 127.0.0.1 --port "$port" --db-filename "$db" --log-level warn \
    --sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=NORMAL \
    --dynamic-config-value history.transferProcessorMaxPollRPS=2000 \
    --dynamic-config-value matching.numTaskqueueReadPartitions=1 \
    --dynamic-config-value matching.numTaskqueueWritePartitions=1 \
    --dynamic-config-value system.enableActivityEagerExecution=true "${args[@]}"
}

wait_until_healthy() { # address, pid
  local deadline=$((SECONDS + 30))
  while [ "$SECONDS" -lt "$deadline" ]; do
    [ -n "$(process_start "$2")" ] || return 1
    if tcp_open 127.0.0.1 "${1##*:}" && healthy "$1" && [ -n "$(process_start "$2")" ]; then return 0; fi
    sleep 0.1
  done
  return 2
}

# A database from an earlier version keeps the attributes it was created with; the server adds none to it.
add_search_attributes() {
  local name known
  known=$("${clean_env[@]}" "$cli" operator search-attribute list --address "$1" 2>/dev/null || true)
  for name in "${search_attributes[@]}"; do
    case "$known" in *"$name"*) continue ;; esac
    "${clean_env[@]}" "$cli" operator search-attribute create --address "$1" --name "$name" --type Keyword >/dev/null 2>&1 ||
      note "could not add the search attribute $name"
  done
}

report() { # address, ui, pid, cli, startedByUs, starter: all as JSON values
  if [ -n "$as_json" ]; then
    printf '{"address":%s,"ui":%s,"pid":%s,"cli":%s,"startedByUs":%s,"starter":%s,"dir":%s}\n' "$@" "$(json_text "$dir")"
  else
    printf 'Temporal: %s\n' "$1" | tr -d '"'
    [ "$2" = null ] || printf 'Web UI:   %s\n' "$2" | tr -d '"'
  fi
}
report_recorded() { report "$(recorded address)" "$(recorded ui)" "$(recorded pid)" "$(recorded cli)" "$1" "$(recorded starter)"; }

start_once() {
  local ui=null log=$dir/server.log code=0 before address
  port=$(free_port "$port")
  if [ -z "$headless" ]; then ui_port=$(free_port "${ui_port:-$((port + 1000))}" "$port"); ui="\"http://127.0.0.1:$ui_port\""; fi
  address=127.0.0.1:$port
  touch "$log"
  if [ "$(wc -c <"$log")" -gt 10000000 ]; then mv -f "$log" "$log.1"; touch "$log"; fi
  before=$(wc -c <"$log")
  spawn nohup "${BASH:-bash}" "$self" run-server "$dir" "$db" "$cli" "$port" "$ui_port" \
    "$(printf '  "address": "%s",\n  "ui": %s,\n  "cli": %s,\n  "db": %s,\n  "starter": %s' \
      "$address" "$ui" "$(json_text "$cli")" "$(json_text "$db")" "$(json_text "$starter")")" </dev/null >>"$log" 2>&1
  child=$spawned
  disown "$child" # or bash would announce its end in words of its own
  wait_until_healthy "$address" "$child" || code=$?
  if [ "$code" = 0 ]; then child=; add_search_attributes "$address"; return 0; fi
  kill -KILL -- "-$child" 2>/dev/null || true
  child=
  rm -f "$dir/server.json"
  tail -c "+$((before + 1))" "$log" | grep -q 'address already in use' && return 1
  [ "$code" = 1 ] || note "the server did not answer within 30 s; asked with: $cli operator cluster health --address $address"
  fail "the server did not start. The end of $log:
$(tail -c "+$((before + 1))" "$log" | tail -20)"
}

start() {
  local attempt host
  if [ -n "${TEMPORAL_ADDRESS:-}" ] && { ! recorded_alive || [ "$(recorded_text address)" != "$TEMPORAL_ADDRESS" ]; }; then
    host=${TEMPORAL_ADDRESS%:*}
    is_port "${TEMPORAL_ADDRESS##*:}" || fail "TEMPORAL_ADDRESS must be host:port, given: $TEMPORAL_ADDRESS"
    if tcp_open_soon "$host" "${TEMPORAL_ADDRESS##*:}"; then
      # With a CLI at hand ask Temporal itself, in the user's own environment (TLS, key); without one, the port must do.
      if ! find_cli || "$cli" operator cluster health --address "$TEMPORAL_ADDRESS" 2>/dev/null | grep -q SERVING; then
        note "a server answers at TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS, using it"
        report "$(json_text "$TEMPORAL_ADDRESS")" null null "$([ -n "$cli" ] && json_text "$cli" || echo null)" false null
        return
      fi
    fi
    case "$host" in
      127.* | localhost | '[::1]')
        note "no Temporal server answers at TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS, starting one here"
        port=${port:-${TEMPORAL_ADDRESS##*:}} ;;
      *) fail "no Temporal server answers at TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS. Start it, or unset the variable" ;;
    esac
  fi
  port=${port:-7233}
  find_cli || get_cli
  # One lock for all folders where possible: two starts that pick the same port would each take the other for their own.
  if [ -w "$(cache_folder 2>/dev/null)" ]; then acquire_lock "$(cache_folder)/start.lock"; else acquire_lock "$dir/start.lock"; fi
  if recorded_alive; then
    wait_until_healthy "$(recorded_text address)" "$(recorded pid)" ||
      fail "the recorded server (process $(recorded pid)) does not answer. Run: $0 stop --dir '$dir'"
    note 'already running'
    report_recorded false
    return
  fi
  [ ! -e "$dir/server.json" ] || note "the server of an earlier run (process $(recorded pid)) is gone, starting a new one"
  rm -f "$dir/server.json"
  for attempt in 1 2 3 4 5; do
    start_once && break
    [ "$attempt" -lt 5 ] || fail "could not get a free port in 5 attempts, the last was $port"
    # A port may look free and yet be refused: somebody's outgoing connection has it. Look further up.
    port=$((port + 1 + RANDOM % 100))
    [ -z "$ui_port" ] || ui_port=$((ui_port + 1 + RANDOM % 100))
  done
  release_lock
  # Before the report: whoever reads it may end us at once.
  [ -z "$foreground" ] || trap 'stop >/dev/null; exit 0' INT TERM HUP
  report_recorded true
  [ -n "$foreground" ] || return 0
  note 'Ctrl-C stops the server'
  while recorded_alive; do sleep 0.5; done
  fail "the server ended. The end of $dir/server.log:
$(tail -20 "$dir/server.log")"
}

stop() {
  local pid i
  pid=$(recorded pid)
  if ! recorded_alive; then
    rm -f "$dir/server.json"
    [ -n "$as_json" ] && echo '{"stopped":false}' || echo 'not running'
    return
  fi
  kill -TERM "$pid"
  for ((i = 0; i < 100; i++)); do recorded_alive || break; sleep 0.1; done
  if recorded_alive; then note 'no end after 10 s, killing it'; kill -KILL "$pid"; while recorded_alive; do sleep 0.1; done; fi
  rm -f "$dir/server.json"
  [ -n "$as_json" ] && echo '{"stopped":true}' || echo 'stopped'
}

status() {
  if recorded_alive; then report_recorded false; return; fi
  [ -n "$as_json" ] && echo '{"running":false}' || echo 'not running'
  exit 3
}

if [ "${1:-}" = run-server ]; then
  dir=$2 db=$3 cli=$4 port=$5 ui_port=$6
  run_server "$7"
fi

command=start port='' ui_port='' dir=$here/.holdfast/temporal db='' headless='' foreground='' as_json='' starter=user
case "${1:-}" in start | stop | status) command=$1; shift ;; esac
while [ $# -gt 0 ]; do
  case "$1" in --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;; esac
  case "$1" in
    --port | --ui-port | --dir | --db-filename | --starter) [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value" ;;
  esac
  case "$1" in
    --port) is_port "$2" || fail "--port must be a number from 1 to 65535, given: $2"; port=$2; shift 2 ;;
    --ui-port) is_port "$2" || fail "--ui-port must be a number from 1 to 65535, given: $2"; ui_port=$2; shift 2 ;;
    --dir) dir=$2; shift 2 ;;
    --db-filename) db=$2; shift 2 ;;
    --starter) starter=$2; shift 2 ;;
    --headless) headless=1; shift ;;
    --foreground) foreground=1; shift ;;
    --json) as_json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown option or command: $1. Run: $0 --help" ;;
  esac
done
[ "$command" = start ] && mkdir -p "$dir"
[ -d "$dir" ] && dir=$(cd "$dir" && pwd)
if [ -n "$db" ]; then mkdir -p "$(dirname "$db")" && db=$(cd "$(dirname "$db")" && pwd)/$(basename "$db"); else db=$dir/temporal.db; fi
"$command"
