import { getRouteApi } from '@tanstack/react-router'
import { ListChecks } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { type ToolListState, useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { CompactSelect } from '../../ui/text-field.tsx'
import { number } from '../../ui/time.ts'
import { DeployPatches } from './deploy-patches.tsx'
import { DEVICE_COLUMNS, GROUP_COLUMNS, UPDATE_COLUMNS } from './patch-columns.tsx'
import { PatchRules } from './patch-rules.tsx'
import {
  type Kind,
  KINDS,
  partsOf,
  type PatchCounts,
  type PatchPage,
  type PatchSearch,
  patchStatus,
  type View,
  VIEWS,
} from './patches.ts'

const route = getRouteApi('/console/patches')

const VIEW_WORDS: Readonly<Record<View, string>> = {
  devices: 'Devices',
  updates: 'Updates',
  organizations: 'Organizations',
  groups: 'Groups',
  rules: 'Rules',
}
const KIND_WORDS: Readonly<Record<Kind, string>> = {
  security: 'Security updates',
  critical: 'Rated critical',
  high: 'Rated high',
  medium: 'Rated medium',
  low: 'Rated low',
}

export function PatchesPage() {
  const session = useSession()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [deploying, setDeploying] = useState(false)
  const { view = 'devices', kind } = search
  const change = (changed: { view?: View; kind?: Kind | undefined }) => {
    const next = { view, kind, ...changed }
    void navigate({
      to: '.',
      search: { ...(next.view !== 'devices' && { view: next.view }), ...(next.kind && { kind: next.kind }) },
    })
  }
  const props = {
    title: 'Patches',
    actions: (
      <Button
        size="sm"
        variant="primary"
        tier={3}
        disabled={withheld(session, 'patches.execute')}
        onClick={() => setDeploying(true)}
      >
        Deploy…
      </Button>
    ),
    toolbar: (
      <>
        <div className="max-w-full overflow-x-auto">
          <Segmented
            label="View"
            value={view}
            options={VIEWS.map((value) => ({ value, label: VIEW_WORDS[value] }))}
            onChange={(value) => change({ view: value })}
          />
        </div>
        {view !== 'rules' && (
          <CompactSelect
            label="Which updates count"
            value={kind ?? ''}
            options={[['', 'All updates'], ...KINDS.map((value) => [value, KIND_WORDS[value]] as const)]}
            onChange={(value) => change({ kind: KINDS.find((known) => known === value) })}
          />
        )}
      </>
    ),
  }
  return (
    <>
      {view === 'rules' ? <PatchRules page={props} /> : <Status page={props} search={search} />}
      {deploying && <DeployPatches onClose={() => setDeploying(false)} />}
    </>
  )
}

type PageFrame = Pick<React.ComponentProps<typeof Page>, 'title' | 'actions' | 'toolbar'>

function Status({ page, search }: { page: PageFrame; search: PatchSearch }) {
  const organization = useChosenOrganization(useSession())
  const { view = 'devices' } = search
  const list = useToolList(patchStatus(search, organization?.id), rowsOf)
  const counts = list.last?.counts
  return (
    <Page {...page} foot={<Foot list={list} view={view} />}>
      {counts && list.last && counts.devices > 0 && <Totals counts={counts} percent={list.last.patched_percent} />}
      <Rows list={list} view={view} />
    </Page>
  )
}

/** Each view is the list that its page is grouped by. */
const rowsOf = (page: PatchPage): readonly PatchPage[] => [page]
type Pages = ToolListState<PatchPage> & { last: PatchPage | undefined }

function Foot({ list, view }: { list: Pages; view: View }) {
  const [one, many] = {
    devices: ['device that is not up to date', 'devices that are not up to date'],
    updates: ['missing update', 'missing updates'],
    organizations: ['organization', 'organizations'],
    groups: ['group', 'groups'],
    rules: ['rule', 'rules'],
  }[view] as [string, string]
  return <ListCount list={list} one={one} many={many} />
}

function Totals({ counts, percent }: { counts: PatchCounts; percent: number | null }) {
  return (
    <section className="flex flex-col gap-2 border-b border-line px-4 py-4 sm:px-6">
      <p className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <span className="text-20 font-semi tabular-nums">{percent === null ? 'Unknown' : `${percent} %`}</span>
        <span className="text-text-2">
          {number(counts.up_to_date)} of {number(counts.devices)} devices are fully patched
        </span>
      </p>
      <ProgressBar parts={partsOf(counts)} />
      <p className="flex flex-wrap gap-x-4 text-text-2 tabular-nums">
        <span>{number(counts.missing)} lack updates</span>
        <span className={counts.failed > 0 ? 'text-crit' : ''}>{number(counts.failed)} failed</span>
        <span>{number(counts.unknown)} unknown</span>
      </p>
    </section>
  )
}

function Rows({ list, view }: { list: Pages; view: View }) {
  const { rows: pages, ...rest } = list
  if (view === 'updates')
    return (
      <ToolTable
        caption="Missing updates"
        columns={UPDATE_COLUMNS}
        list={{ ...rest, rows: pages?.flatMap(({ updates }) => updates) }}
        rowKey={({ name, article }) => `${name} ${article ?? ''}`}
        empty={<AllGood title="No update is missing" />}
      />
    )
  if (view !== 'devices')
    return (
      <ToolTable
        caption={view === 'groups' ? 'Groups' : 'Organizations'}
        columns={GROUP_COLUMNS}
        list={{ ...rest, rows: pages?.flatMap(({ groups = [] }) => groups) }}
        rowKey={({ id }) => id}
        empty={<AllGood title={view === 'groups' ? 'No groups yet' : 'No devices yet'} />}
      />
    )
  return (
    <ToolTable
      caption="Devices that are not up to date"
      columns={DEVICE_COLUMNS}
      list={{ ...rest, rows: pages?.flatMap(({ devices }) => devices) }}
      rowKey={({ id }) => id}
      height="two"
      empty={<AllGood title="Every device that tells is up to date" />}
    />
  )
}

const AllGood = ({ title }: { title: string }) => (
  <StateView icon={ListChecks} title={title}>
    What devices report of their updates shows up here, with what failed and why.
  </StateView>
)
