import { Button } from '../../ui/button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Tier } from '../../ui/tier.tsx'
import type { JudgedAction, JudgedTool } from './risk-engine.ts'
import { VerdictMark } from './verdict.tsx'
import { FROM_WORDS, POLICY_WORDS } from './words.ts'

const SURFACES: Readonly<Record<string, string>> = { mcp: 'MCP', rest: 'REST', console: 'console', cli: 'command line' }

interface ToolDrawerProps {
  tool: JudgedTool
  off: string | false
  onRule: () => void
  onClose: () => void
}

/** All of one tool: what would become of each of its actions, by which gate, and how it is confirmed. */
export function ToolDrawer({ tool, off, onRule, onClose }: ToolDrawerProps) {
  const acts = tool.actions.some(({ tier }) => tier === 2 || tier === 3)
  const fixed = tool.actions.some(({ confirmation }) => confirmation?.from === 'fixed')
  return (
    <Drawer
      label={tool.title}
      title={
        <h2 className="truncate text-14 font-semi">
          <code>{tool.name}</code>
        </h2>
      }
      actions={
        acts &&
        !fixed && (
          <Button size="sm" tier={2} disabled={off} onClick={onRule}>
            Set its rule…
          </Button>
        )
      }
      onClose={onClose}
    >
      <section className="flex flex-col gap-2 p-5">
        <p className="font-medium">{tool.title}</p>
        <Facts
          facts={[
            ['Area', tool.area],
            ['Through', tool.surfaces.map((surface) => SURFACES[surface] ?? surface).join(', ')],
          ]}
        />
      </section>
      <ul aria-label="Actions">
        {tool.actions.map((action) => (
          <li key={action.name ?? ''} className="flex flex-col gap-2 border-t border-line px-5 py-4">
            <ActionView action={action} />
          </li>
        ))}
      </ul>
    </Drawer>
  )
}

function ActionView({ action }: { action: JudgedAction }) {
  const { name, tier, permission, refusal, confirmation } = action
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <span className="flex items-center gap-2">
          {name !== null && <code className="font-medium">{name}</code>}
          <Tier tier={tier} />
        </span>
        <VerdictMark action={action} />
      </div>
      {refusal ? (
        <p className="text-text-2">
          {refusal.reason} {refusal.remedy}
        </p>
      ) : (
        <Facts
          facts={[
            ['Permission', <code key="permission">{permission}</code>],
            ...(confirmation
              ? ([
                  ['Confirmed', POLICY_WORDS[confirmation.policy].about],
                  ['By', FROM_WORDS[confirmation.from]],
                ] as const)
              : []),
          ]}
        />
      )}
    </>
  )
}
