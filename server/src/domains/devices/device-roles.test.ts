import { expect, test } from 'vitest'
import { decideRole } from './device-roles.ts'

const os = (family: 'linux' | 'windows' | 'macos', productType?: string) => ({
  family,
  name: 'X',
  ...(productType && { productType }),
})
const linux = os('linux')
const windows = os('windows', 'server')
const role = (of: unknown, services: string[] | null, packages: string[] = []) =>
  decideRole({ os: of, services, packages })

test('the system says what a device is, and the services of a server what it is for', () => {
  expect(role(windows, [])).toEqual({ role: 'server', source: 'os' })
  for (const service of ['MSSQLSERVER', 'MSSQL$CRM', 'OracleServiceORCL'])
    expect(role(windows, [service])).toEqual({ role: 'database', source: 'services' })
  expect(role(windows, ['vmms', 'MSSQLSERVER']).role).toBe('hypervisor')
  for (const service of [
    'mysql',
    'mysqld',
    'mariadb.service',
    'postgresql',
    'postgresql@15-main.service',
    'postgresql-16',
    'mongod',
  ])
    expect(role(linux, [service]).role, service).toBe('database')
  for (const service of ['libvirtd', 'pvedaemon.service', 'xapi'])
    expect(role(linux, [service]).role).toBe('hypervisor')
  expect(role(linux, ['mysqlrouter', 'prometheus-postgres-exporter', 'my-mariadb-backup']).role).toBe('server')
})

test('neither a workstation nor a domain controller becomes anything else by what it runs', () => {
  expect(role(os('windows', 'workstation'), ['vmms', 'MSSQL$SQLEXPRESS'])).toEqual({
    role: 'workstation',
    source: 'os',
  })
  expect(role(os('macos'), ['postgresql']).role).toBe('workstation')
  expect(role(os('windows', 'domain_controller'), ['MSSQLSERVER']).role).toBe('domain_controller')
})

test('packages tell where services can not, and nobody guesses before the system is known', () => {
  expect(role(linux, null, ['postgresql-15']).role).toBe('database')
  expect(role(linux, null, ['proxmox-ve']).role).toBe('hypervisor')
  expect(role(linux, null, ['postgresql-client-15', 'libmysqlclient21', 'mariadb-common']).role).toBe('server')
  expect(role(linux, [], ['postgresql-15']).role).toBe('server')
  expect(role(null, ['MSSQLSERVER'])).toEqual({ role: 'unknown', source: null })
  expect(role({ family: 'plan9' }, [])).toEqual({ role: 'unknown', source: null })
})
