import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import type { Placement } from './placement.ts'
import { socketPort } from './socket-folder.ts'

/** Losing an acknowledged command or audit entry is not for sale: these hold unless a test turns them off by name. */
export const durableSettings = ['fsync', 'synchronous_commit', 'full_page_writes'] as const

/**
 * Writes our settings (`breeze.conf`, on each start) and, once, the `postgresql.conf` that includes them and where an operator's
 * own lines win.
 */
export function writeSettings({ clusterDir, log }: Placement, binaries: Binaries): void {
  const settings: Record<string, string> = {
    max_connections: '100',
    shared_buffers: '128MB',
    timezone: 'UTC',
    password_encryption: 'scram-sha-256',
    logging_collector: 'on',
    log_directory: log,
    log_filename: 'postgres-%a.log',
    log_file_mode: '0600',
    log_rotation_age: '1d',
    log_rotation_size: '0',
    log_truncate_on_rotation: 'on',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u@%d ',
    log_min_messages: 'warning',
    // A failed statement may hold a tenant's data or a credential: its error is logged, its text is not.
    log_min_error_statement: 'panic',
    ...(existsSync(join(binaries.libraries, 'pg_stat_statements.so')) && {
      shared_preload_libraries: 'pg_stat_statements',
    }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}`)
  replace(
    join(clusterDir, 'breeze.conf'),
    ['# Written on each start. Change postgresql.conf instead.', ...lines, ''].join('\n'),
  )
  const own = join(clusterDir, 'postgresql.conf')
  if (existsSync(own)) return
  replace(
    own,
    "include 'breeze.conf'\n# Your own settings below this line win over those above. They take effect on the next start.\n",
  )
}

/** The arguments of the main process. They hold no secret: every user of the machine can read them. */
export function serverArguments(place: Placement, socketFolder: string, extra: Record<string, string>): string[] {
  const settings = {
    config_file: join(place.clusterDir, 'postgresql.conf'),
    ...extra,
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  }
  return ['-D', place.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  // World readable whatever the umask: the cluster's account may be another one, and there is no secret in it.
  chmodSync(`${file}.new`, 0o644)
  renameSync(`${file}.new`, file)
}
