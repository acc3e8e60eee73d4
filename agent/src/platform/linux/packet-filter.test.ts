import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { parseIptablesSave, parseNftRuleset } from './packet-filter.ts'

const save = (...lines: string[]) =>
  ['# Generated', '*nat', ':INPUT DROP [0:0]', 'COMMIT', '*filter', ...lines, 'COMMIT'].join('\n')

test.each([
  ['no rules', [':INPUT ACCEPT [0:0]'], { active: false, denies: false }],
  ['a policy', [':INPUT DROP [0:0]', '-A INPUT -i lo -j ACCEPT'], { active: true, denies: true }],
  [
    'a last rule',
    [':INPUT ACCEPT [0:0]', '-A INPUT -p tcp --dport 22 -j ACCEPT', '-A INPUT -j DROP'],
    { active: true, denies: true },
  ],
  [
    'everything accepted first',
    [':INPUT DROP [0:0]', '-A INPUT -m comment --comment "all in" -j ACCEPT'],
    { active: true, denies: false },
  ],
  [
    'a chain that decides',
    [
      ':INPUT ACCEPT [0:0]',
      ':rest - [0:0]',
      '-A INPUT -j rest',
      '-A rest -j LOG',
      '-A rest -j REJECT --reject-with icmp-port-unreachable',
    ],
    { active: true, denies: true },
  ],
  ['a loop', [':INPUT ACCEPT [0:0]', ':a - [0:0]', '-A INPUT -j a', '-A a -j a'], { active: true, denies: false }],
  ['a chain nobody knows', [':INPUT ACCEPT [0:0]', '-A INPUT -j gone'], { active: true, denies: false }],
])('iptables-save: %s', (_, lines, expected) => {
  expect(parseIptablesSave(save(...lines))).toEqual(expected)
})

test('garbage is refused, not read as open', () => {
  expect(() => parseNftRuleset('nonsense')).toThrow()
  expect(() => parseNftRuleset('{"nftables":{}}')).toThrow()
})

test.runIf(process.getuid?.() === 0)('an accept in one base chain does not spare a packet the next', () => {
  const script = [
    'nft add table inet a',
    "nft 'add chain inet a in { type filter hook input priority 0; policy accept; }'",
    'nft add rule inet a in accept',
    'nft add table inet b',
    "nft 'add chain inet b in { type filter hook input priority 10; policy drop; }'",
    'nft -j list ruleset',
  ].join(' && ')
  const { ipv4, ipv6 } = parseNftRuleset(execFileSync('unshare', ['-n', 'sh', '-c', script]).toString())
  expect([ipv4, ipv6]).toEqual([
    { active: true, denies: true },
    { active: true, denies: true },
  ])
})
