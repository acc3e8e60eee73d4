import { type Layout, NICENESS, SERVICE_NAME } from './layout.ts'

/**
 * An LSB init script. The agent's own supervisor starts it again after a crash and keeps its log's size; the script's exit
 * codes are those of LSB 5.0, "Init Script Actions": status 0 running, 1 dead with a pid file, 3 stopped.
 */
export function initScriptText({ program, environment, state, log, pid }: Layout): string {
  return `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${SERVICE_NAME}
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Breeze agent
# Description:       Connects this device to its Breeze server.
### END INIT INFO

PROGRAM='${program}'
ENVIRONMENT='${environment}'
PID_FILE='${pid}'

is_ours() {
    [ -n "$1" ] && [ -e "/proc/$1/exe" ] && tr '\\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -q "^$PROGRAM supervise "
}

running() {
    [ -f "$PID_FILE" ] && is_ours "$(cat "$PID_FILE" 2>/dev/null)"
}

start() {
    running && return 0
    set -a
    . "$ENVIRONMENT"
    set +a
    umask 077
    nice -n ${NICENESS} setsid "$PROGRAM" supervise --log '${log}' --pid "$PID_FILE" -- --state '${state}' </dev/null >/dev/null 2>&1 &
    waited=0
    until running; do
        waited=$((waited + 1))
        [ "$waited" -gt 50 ] && return 1
        sleep 0.2
    done
}

stop() {
    running || { rm -f "$PID_FILE"; return 0; }
    stopping="$(cat "$PID_FILE")"
    kill -TERM "$stopping"
    waited=0
    while is_ours "$stopping"; do
        waited=$((waited + 1))
        [ "$waited" -gt 75 ] && { kill -KILL "$stopping"; break; }
        sleep 0.2
    done
    rm -f "$PID_FILE"
}

case "$1" in
start)
    start || { echo "${SERVICE_NAME} did not start; see ${log}" >&2; exit 1; }
    ;;
stop)
    stop
    ;;
restart | force-reload)
    stop
    start || exit 1
    ;;
status)
    if running; then
        echo "${SERVICE_NAME} is running"
        exit 0
    fi
    [ -f "$PID_FILE" ] && { echo "${SERVICE_NAME} is dead, its pid file exists"; exit 1; }
    echo "${SERVICE_NAME} is stopped"
    exit 3
    ;;
*)
    echo "Usage: $0 {start|stop|restart|force-reload|status}" >&2
    exit 2
    ;;
esac
`
}
