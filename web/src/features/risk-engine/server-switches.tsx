import { Tag } from '../../ui/tag.tsx'
import { number } from '../../ui/time.ts'
import type { RiskEngine } from './risk-engine.ts'

/** Set on the server, and only there: what keys and grants may do at tier 3 at all. */
export function ServerSwitches({ server }: Pick<RiskEngine, 'server'>) {
  const { execute_allow_list: list, high_impact_tools: all, require_execute_admin: admin, environment } = server
  return (
    <section
      aria-label="Switches, set on the server"
      className="flex flex-wrap items-center gap-x-6 gap-y-1.5 border-b border-line px-4 py-2 text-12 sm:pl-6"
    >
      <span className="flex flex-wrap items-center gap-1.5">
        <code>MCP_EXECUTE_TOOL_ALLOWLIST</code>
        <span className="text-text-2">
          {list === null ? `all ${number(all)} high-impact tools` : `${number(list.length)} of ${number(all)}`}
        </span>
        {list?.slice(0, 6).map((name) => (
          <Tag key={name} mono>
            {name}
          </Tag>
        ))}
        {list && list.length > 6 && <span className="text-text-3">and {number(list.length - 6)} more</span>}
      </span>
      <span>
        <code>MCP_REQUIRE_EXECUTE_ADMIN</code> <span className="text-text-2">{String(admin)}</span>
      </span>
      <span>
        <code>BREEZE_ENV</code> <span className="text-text-2">{environment}</span>
      </span>
    </section>
  )
}
