import { Ban, Check, Ellipsis, ListChecks } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { Menu, MenuItem } from '../../ui/menu.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { matchText, type PatchRule, patchRules, type RulePage, useManageRule } from './patches.ts'
import { SaveRule } from './save-rule.tsx'

type PageFrame = Pick<React.ComponentProps<typeof Page>, 'title' | 'actions' | 'toolbar'>
type Opened = { what: 'new' } | { what: 'change' | 'delete'; rule: PatchRule }

/** Which updates are approved and which are blocked. */
export function PatchRules({ page }: { page: PageFrame }) {
  const off = withheld(useSession(), 'patches.write')
  const list = useToolList(patchRules(), ({ rules }: RulePage) => rules)
  const [opened, setOpened] = useState<Opened | null>(null)
  const close = () => setOpened(null)
  return (
    <Page
      {...page}
      toolbar={
        <>
          {page.toolbar}
          <span className="grow" />
          <Button size="sm" tier={2} disabled={off} onClick={() => setOpened({ what: 'new' })}>
            New rule…
          </Button>
        </>
      }
      foot={
        <>
          <ListCount list={list} one="rule" many="rules" />
          <span className="grow" />
          <span className="max-sm:hidden">A block wins over every approval</span>
        </>
      }
    >
      <ToolTable
        caption="Patch rules"
        columns={columns(off, setOpened)}
        list={list}
        rowKey={({ id }) => id}
        empty={
          <StateView icon={ListChecks} title="No patch rules yet">
            As long as no rule approves anything, every update that is not blocked is approved.
          </StateView>
        }
      />
      {opened?.what === 'new' && <SaveRule onClose={close} />}
      {opened?.what === 'change' && <SaveRule rule={opened.rule} onClose={close} />}
      {opened?.what === 'delete' && <DeleteRule rule={opened.rule} onClose={close} />}
    </Page>
  )
}

const columns = (off: string | false, open: (opened: Opened) => void): readonly Column<PatchRule>[] => [
  { id: 'name', head: 'Rule', width: '26%', cell: ({ name }) => <b className="font-medium">{name}</b> },
  {
    id: 'decision',
    head: 'Decision',
    width: '112px',
    cell: ({ decision }) => (
      <span className="inline-flex items-center gap-1.5">
        {decision === 'approve' ? (
          <Check className="size-3.5 text-ok" strokeWidth={2} aria-hidden="true" />
        ) : (
          <Ban className="size-3.5 text-crit" strokeWidth={2} aria-hidden="true" />
        )}
        {decision === 'approve' ? 'Approves' : 'Blocks'}
      </span>
    ),
  },
  {
    id: 'match',
    head: 'Which',
    phone: false,
    cell: ({ match }) => (
      <span className="text-text-2" title={matchText(match)}>
        {matchText(match)}
      </span>
    ),
  },
  {
    id: 'delay',
    head: 'When',
    width: '128px',
    narrow: false,
    cell: ({ decision, delay_days: days }) => (
      <span className="text-text-2">
        {decision === 'block' ? '' : days === 0 ? 'At once' : `After ${days} ${days === 1 ? 'day' : 'days'}`}
      </span>
    ),
  },
  {
    id: 'place',
    head: 'For',
    width: '16%',
    narrow: false,
    cell: ({ organization }) => (
      <span className="text-text-2">
        {organization === null ? 'Every organization' : (organization.name ?? 'One organization')}
      </span>
    ),
  },
  {
    id: 'acts',
    head: '',
    headLabel: 'Acts',
    width: '48px',
    cell: (rule) => (
      <Menu
        trigger={
          <Button variant="ghost" size="sm" icon disabled={off} aria-label={`Acts on ${rule.name}`}>
            <Ellipsis className="size-4" strokeWidth={1.6} />
          </Button>
        }
      >
        <MenuItem disabled={off !== false} onSelect={() => open({ what: 'change', rule })}>
          Change…
        </MenuItem>
        <MenuItem danger disabled={off !== false} onSelect={() => open({ what: 'delete', rule })}>
          Delete…
        </MenuItem>
      </Menu>
    ),
  },
]

function DeleteRule({ rule, onClose }: { rule: PatchRule; onClose: () => void }) {
  const { run, busy, refusal } = useManageRule('deleted', onClose)
  return (
    <ConfirmDialog
      title={`Delete ${rule.name}?`}
      about={
        rule.decision === 'block'
          ? 'What it blocks may be installed by deployments that are begun from then on.'
          : 'What only it approves is no longer installed. Without any rule that approves, everything that is not blocked is.'
      }
      act="Delete rule"
      doing="Deleting…"
      busy={busy}
      refusal={refusal}
      onKeep={onClose}
      onAct={() => run({ action: 'delete', rule: rule.id })}
    />
  )
}
