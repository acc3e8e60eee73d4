/** What a caller may use now, and what the rest would take: told by the same gates that judge the calls. */
import type { Caller } from '../../kernel/caller.ts'
import { mayUse, type Governance } from '../../kernel/gates/may-use.ts'
import type { Registry } from '../../kernel/registry.ts'
import { actionSpecs } from '../../kernel/tool.ts'

export interface Standing {
  usable: string[]
  needsMore: { tool: string; action?: string; code: string; remedy: string; required_scope?: string }[]
}

declare module '../../kernel/services.ts' {
  interface Services {
    account: Account
  }
}

export class Account {
  readonly #registry: () => Registry
  readonly #governance: Governance

  /** The registry is asked for late: it is made of tools, and tools use this. */
  constructor(registry: () => Registry, governance: Governance) {
    this.#registry = registry
    this.#governance = governance
  }

  standing(caller: Caller): Standing {
    const needsMore: Standing['needsMore'] = []
    const surface =
      caller.channel === 'mcp' || caller.channel === 'rest' || caller.channel === 'cli' ? caller.channel : 'console'
    const registry = this.#registry()
    for (const tool of registry.all()) {
      // What stands for other tools needs what those need.
      if (!tool.surfaces.has(surface) || tool.standsForOthers) continue
      for (const action of actionSpecs(tool.actions)) {
        if (action.tier === 4) continue
        const verdict = mayUse(caller, tool, action, this.#governance)
        if (verdict.verdict === 'deny') {
          const { code, remedy, required_scope } = verdict.denial
          needsMore.push({
            tool: tool.name,
            ...(action.name && { action: action.name }),
            code,
            remedy,
            ...(required_scope && { required_scope }),
          })
        }
      }
    }
    const usable = registry.list(caller, surface, this.#governance).tools.map((tool) => tool.name)
    return { usable, needsMore }
  }
}
