/** What `curl … | sudo sh` runs: fetches the agent, checks it, and lets it install itself. */

export interface InstallScript {
  /** Where agents reach this server. */
  publicUrl: string
  downloadPath: string
  target: string
  /** Of the program, in hex. */
  sha256: string
}

const MACHINES: Readonly<Record<string, string>> = { 'linux-x64': 'x86_64', 'linux-arm64': 'aarch64' }

export function installScript({ publicUrl, downloadPath, target, sha256 }: InstallScript): string {
  const server = quoted(publicUrl.replace(/\/$/, ''))
  const machine = MACHINES[target] ?? target
  // One function, called in the last line: a download that breaks off runs nothing.
  return `#!/bin/sh
# Installs the Breeze agent as a service of this machine, or removes it with --uninstall.
#   --token TOKEN   enrollment token (or BREEZE_AGENT_TOKEN); not needed to renew an installed agent
#   --ca FILE       certificates to trust instead of the system's
set -eu

SERVER=${server}
PROGRAM=/opt/breeze-agent/breeze-agent

die() {
    echo "breeze-agent: $1" >&2
    exit 1
}

fetch() {
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --location --proto '=https,http' --max-time 600 \${ca:+--cacert "$ca"} --output "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --timeout=60 \${ca:+--ca-certificate="$ca"} --output-document="$2" "$1"
    else
        die 'curl or wget is needed'
    fi
}

main() {
    [ "$(id -u)" = 0 ] || die 'root is needed: pipe into "sudo sh"'
    if [ "\${1:-}" = --uninstall ]; then
        [ -x "$PROGRAM" ] || die 'no Breeze agent is installed here'
        exec "$PROGRAM" uninstall
    fi
    [ "$(uname -s)" = Linux ] || die "this server's agent is for Linux"
    [ "$(uname -m)" = ${quoted(machine)} ] || die "this server's agent is for ${machine}, this machine is $(uname -m)"
    if ldd --version 2>&1 | grep -qi musl; then die 'the agent needs glibc; this system has musl'; fi
    ca=''
    previous=''
    for argument in "$@"; do
        [ "$previous" = --ca ] && ca="$argument"
        previous="$argument"
    done
    # Not in /tmp, which may not run programs.
    mkdir -p /opt
    work="$(mktemp -d /opt/breeze-agent-install.XXXXXX)"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    echo 'Fetching the Breeze agent …'
    fetch "$SERVER${downloadPath}" "$work/breeze-agent.gz" || die "it could not be fetched from $SERVER"
    gzip -dc "$work/breeze-agent.gz" >"$work/breeze-agent"
    echo ${quoted(`${sha256}  `)}"$work/breeze-agent" | sha256sum -c - >/dev/null 2>&1 || die 'what came is not what the server made'
    chmod 755 "$work/breeze-agent"
    "$work/breeze-agent" install --server "$SERVER" "$@"
}

main "$@"
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
