/**
 * What the file commands leave alone, and why. They are the narrow way to a device: whoever needs more runs a script,
 * which a person confirms and everybody can read afterwards. The owner of a device adds to this in its policy.
 */
export type Access = 'read' | 'write'

interface ProtectedPath {
  /** With everything below it. */
  path: string
  against: readonly Access[]
}

interface ProtectedPattern {
  pattern: RegExp
  against: readonly Access[]
}

const BOTH: readonly Access[] = ['read', 'write']
const WRITE: readonly Access[] = ['write']

/** What differs from device to device. */
export interface Installation {
  stateDirectory: string
  /** The data of a server on the same machine. */
  protectedPaths: readonly string[]
  /** The file that runs, and what it runs. */
  programs: readonly string[]
}

export function protectedPaths(installation: Installation): ProtectedPath[] {
  const { stateDirectory, protectedPaths: further, programs } = installation
  return [
    // The device's key and the journal that keeps a command from running twice.
    { path: stateDirectory, against: BOTH },
    // The database, the signing keys and the secrets of the server: with them all devices of all tenants.
    ...further.map((path) => ({ path, against: BOTH })),
    // The policy that the server must not change, and the agent's settings.
    { path: '/etc/breeze-agent', against: BOTH },
    // Scripts of other commands, with what they were given.
    { path: '/run/breeze-agent-scripts', against: BOTH },
    // The agent and what starts it: a change here outlives every other control.
    ...programs.map((path) => ({ path, against: WRITE })),
    ...[
      '/opt/breeze-agent',
      '/etc/systemd/system/breeze-agent.service',
      '/etc/systemd/system/breeze-agent.service.d',
      '/etc/init.d/breeze-agent',
      '/etc/default/breeze-agent',
      '/run/breeze-agent.pid',
      '/var/log/breeze-agent',
    ].map((path) => ({ path, against: WRITE })),
    // Password hashes, and who may become root.
    ...['/etc/shadow', '/etc/shadow-', '/etc/gshadow', '/etc/gshadow-', '/etc/security/opasswd'].map(both),
    ...['/etc/sudoers', '/etc/sudoers.d', '/etc/doas.conf'].map(both),
    // Private keys: of the machine towards those who sign in to it, of its services, and of its users.
    ...['rsa', 'dsa', 'ecdsa', 'ed25519'].map((kind) => both(`/etc/ssh/ssh_host_${kind}_key`)),
    ...['/etc/ssl/private', '/etc/pki/tls/private', '/etc/krb5.keytab', '/root/.ssh'].map(both),
    // Secrets that systemd hands to services.
    ...['/run/credentials', '/etc/credstore', '/etc/credstore.encrypted', '/var/lib/systemd/credential.secret'].map(
      both,
    ),
    // No files: what is read there never ends, waits for ever, or acts on the hardware.
    ...['/proc', '/sys', '/dev'].map(both),
    // A machine that does not start any more can't be helped from afar.
    { path: '/boot', against: WRITE },
  ]
}

/** By name, wherever they are. */
export const PROTECTED_PATTERNS: readonly ProtectedPattern[] = [
  // Also the copies that editors and `vipw` leave: /etc/shadow.bak, /etc/sudoers~.
  { pattern: /^\/etc\/(g?shadow|sudoers)[^/]*(\/|$)/, against: BOTH },
  { pattern: /^\/etc\/ssh\/ssh_host_[^/]*_key$/, against: BOTH },
  // Private keys and authorized_keys of every user; public ones can be read by a script.
  { pattern: /\/\.ssh(\/|$)/, against: BOTH },
  // What starts the agent with the machine.
  { pattern: /^\/etc\/rc[0-9S]\.d\/[SK][0-9]+breeze-agent$/, against: WRITE },
  { pattern: /^\/(etc|run|usr\/lib|lib)\/systemd\/.*\/breeze-agent\.service(\.d)?(\/|$)/, against: WRITE },
]

/** File systems that are views of the kernel, by statfs(2), for where they are mounted in another place. */
export const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x6265_6572, // sysfs
  0x6462_6720, // debugfs
  0x7472_6163, // tracefs
  0x7363_6673, // securityfs
  0x27_e0eb, // cgroup
  0x6367_7270, // cgroup2
  0x6265_6570, // configfs
  0xde5e_81e4, // efivarfs: deleting there can break the firmware
  0xcafe_4a11, // bpf
  0x6165_676c, // pstore
  0x1cd1, // devpts
  0x1980_0202, // mqueue
])

function both(path: string): ProtectedPath {
  return { path, against: BOTH }
}
