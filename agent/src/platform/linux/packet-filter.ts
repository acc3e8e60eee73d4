import * as z from 'zod'

/** What the rules in the kernel do with what comes in. */
export interface InputFilter {
  /** There is a rule or a policy that could refuse something. */
  active: boolean
  /** What no rule lets in is refused. */
  denies: boolean
}

type Verdict = 'accept' | 'deny' | 'next'
interface Rule {
  /** It holds for every packet. */
  unconditional: boolean
  verdict: Verdict | { jump: string }
}
interface Chain {
  policy: 'accept' | 'deny'
  rules: Rule[]
}

const MAX_DEPTH = 16

/** What becomes of a packet that no condition matches. */
function fate(chain: string, chains: ReadonlyMap<string, Chain>, depth = MAX_DEPTH): Verdict {
  for (const { unconditional, verdict } of chains.get(chain)?.rules ?? []) {
    if (!unconditional || verdict === 'next') continue
    const outcome = typeof verdict === 'string' ? verdict : depth > 0 ? fate(verdict.jump, chains, depth - 1) : 'next'
    if (outcome !== 'next') return outcome
  }
  return 'next'
}

function filterOf(bases: readonly string[], chains: ReadonlyMap<string, Chain>): InputFilter {
  const found = bases.map((name) => {
    const chain = chains.get(name)
    const end = fate(name, chains)
    return { active: chain?.policy === 'deny' || (chain?.rules.length ?? 0) > 0, end, policy: chain?.policy }
  })
  // Every base chain is asked in turn: an accept in one does not spare a packet the next (nft(8)).
  const denies = found.some(({ end, policy }) => end === 'deny' || (end === 'next' && policy === 'deny'))
  return { active: found.some(({ active }) => active), denies }
}

// ---------------------------------------------------------------- nftables

const statement = z.record(z.string(), z.unknown())
const ruleset = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          type: z.string().optional(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
      rule: z
        .object({ family: z.string(), table: z.string(), chain: z.string(), expr: z.array(statement).optional() })
        .optional(),
    }),
  ),
})

/** `nft -j list ruleset` (libnftables-json(5)). */
export function parseNftRuleset(json: string): Record<'ipv4' | 'ipv6', InputFilter> {
  const chains = new Map<string, Chain>()
  const bases: { family: string; key: string }[] = []
  for (const { chain, rule } of ruleset.parse(JSON.parse(json)).nftables) {
    if (chain) {
      const key = `${chain.family} ${chain.table} ${chain.name}`
      chains.set(key, { policy: chain.policy === 'drop' ? 'deny' : 'accept', rules: [] })
      if (chain.hook === 'input' && chain.type === 'filter') bases.push({ family: chain.family, key })
    } else if (rule) {
      const prefix = `${rule.family} ${rule.table}`
      chains.get(`${prefix} ${rule.chain}`)?.rules.push(nftRule(rule.expr ?? [], prefix))
    }
  }
  const of = (family: string) =>
    filterOf(
      bases.filter((base) => base.family === family || base.family === 'inet').map(({ key }) => key),
      chains,
    )
  return { ipv4: of('ip'), ipv6: of('ip6') }
}

/** They do something with a packet and let it pass on. */
const PASSING = new Set(['counter', 'log', 'comment', 'mangle', 'notrack', 'meter'])

function nftRule(expr: readonly Record<string, unknown>[], prefix: string): Rule {
  let verdict: Rule['verdict'] = 'next'
  let unconditional = true
  for (const item of expr) {
    const [name = '', value] = Object.entries(item)[0] ?? []
    if (name === 'accept') verdict = 'accept'
    else if (name === 'drop' || name === 'reject') verdict = 'deny'
    else if (name === 'jump' || name === 'goto') verdict = { jump: `${prefix} ${targetOf(value)}` }
    // `xt` hides a match of iptables, and all the rest is a condition.
    else if (!PASSING.has(name)) unconditional = false
  }
  return { unconditional, verdict }
}

function targetOf(value: unknown): string {
  const parsed = z.object({ target: z.string() }).safeParse(value)
  return parsed.success ? parsed.data.target : ''
}

// ---------------------------------------------------------------- iptables

/** `iptables-save -t filter`: `:INPUT DROP [0:0]`, `-A INPUT -i lo -j ACCEPT`. */
export function parseIptablesSave(text: string): InputFilter {
  const chains = new Map<string, Chain>()
  let table = ''
  for (const line of text.split('\n')) {
    const header = /^\*(\S+)/.exec(line)
    if (header) table = header[1] ?? ''
    if (table !== 'filter') continue
    const chain = /^:(\S+) (\S+)/.exec(line)
    if (chain?.[1] !== undefined) chains.set(chain[1], { policy: chain[2] === 'DROP' ? 'deny' : 'accept', rules: [] })
    const rule = /^-A (\S+)(.*)$/.exec(line)
    if (rule?.[1] !== undefined) chains.get(rule[1])?.rules.push(iptablesRule(rule[2] ?? ''))
  }
  return filterOf(['INPUT'], chains)
}

function iptablesRule(text: string): Rule {
  const [, before = '', target = ''] = /^(.*?)\s-[jg] (\S+)/.exec(` ${text.trim()}`) ?? []
  const verdict =
    target === 'ACCEPT'
      ? 'accept'
      : target === 'DROP' || target === 'REJECT'
        ? 'deny'
        : target === '' || target === 'LOG' || target === 'RETURN' || target === 'NFLOG'
          ? 'next'
          : { jump: target }
  // A comment is the one match that holds always.
  const conditions = before.replaceAll(/-m comment|--comment (?:"(?:\\.|[^"\\])*"|\S+)/g, '').trim()
  return { unconditional: conditions === '', verdict }
}
