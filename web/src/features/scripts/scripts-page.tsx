import { getRouteApi, Link, Outlet, useParams } from '@tanstack/react-router'
import { ListFilter, SquareTerminal } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { PatientSearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { CompactSelect } from '../../ui/text-field.tsx'
import { When } from '../../ui/when.tsx'
import { SaveScript } from './save-script.tsx'
import { clean, filterOf, type ScriptSearch, type SearchChange } from './script-search.ts'
import {
  LANGUAGE_WORDS,
  LANGUAGES,
  placeOf,
  type Script,
  type ScriptPage,
  scriptList,
  SYSTEM_WORDS,
  SYSTEMS,
  systemsOf,
} from './scripts.ts'

const route = getRouteApi('/console/scripts')

export function ScriptsPage() {
  const session = useSession()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { scriptId } = useParams({ strict: false })
  const list = useToolList(scriptList(filterOf(search)), (page: ScriptPage) => page.scripts)
  const [making, setMaking] = useState(false)
  const change = (changed: SearchChange) =>
    void navigate({ to: '.', search: clean({ ...search, ...changed }), replace: 'text' in changed })
  const open = (id: string) => void navigate({ to: '/scripts/$scriptId', params: { scriptId: id }, search: keep })
  const narrowed = Object.keys(filterOf(search)).some((key) => key !== 'archived')
  return (
    <Page
      title="Scripts"
      actions={
        <Button
          size="sm"
          variant="primary"
          disabled={withheld(session, 'scripts.write')}
          onClick={() => setMaking(true)}
        >
          New script
        </Button>
      }
      toolbar={<Filters search={search} onChange={change} />}
      foot={<ListCount list={list} one="script" many="scripts" />}
    >
      <ToolTable
        caption="Scripts"
        columns={COLUMNS}
        list={list}
        rowKey={({ id }) => id}
        height="two"
        current={scriptId}
        onOpen={({ id }) => open(id)}
        empty={
          narrowed ? (
            <NoMatch onClear={() => void navigate({ to: '.', search: {} })} />
          ) : (
            <Nothing archived={search.archived === true} />
          )
        }
      />
      <Outlet />
      {making && <SaveScript onClose={() => setMaking(false)} onSaved={open} />}
    </Page>
  )
}

/** What belongs to the list stays in the address; a version is of the script that was open. */
const keep = ({ version: _version, ...search }: ScriptSearch): ScriptSearch => search

function Filters({ search, onChange }: { search: ScriptSearch; onChange: (change: SearchChange) => void }) {
  return (
    <>
      <PatientSearchField
        label="Find scripts"
        placeholder="Name or description"
        value={search.text ?? ''}
        onChange={(text) => onChange({ text })}
      />
      <CompactSelect
        label="Language"
        value={search.language ?? ''}
        onChange={(value) => onChange({ language: LANGUAGES.find((known) => known === value) })}
        options={[['', 'Any language'], ...LANGUAGES.map((value) => [value, LANGUAGE_WORDS[value]] as const)]}
      />
      <CompactSelect
        label="System"
        value={search.os ?? ''}
        onChange={(value) => onChange({ os: SYSTEMS.find((known) => known === value) })}
        options={[['', 'Any system'], ...SYSTEMS.map((value) => [value, `For ${SYSTEM_WORDS[value]}`] as const)]}
      />
      <Segmented
        label="Which"
        value={search.archived ? 'archived' : 'used'}
        options={[
          { value: 'used', label: 'In use' },
          { value: 'archived', label: 'Archived' },
        ]}
        onChange={(value) => onChange({ archived: value === 'archived' ? true : undefined })}
      />
    </>
  )
}

const COLUMNS: readonly Column<Script>[] = [
  {
    id: 'name',
    head: 'Script',
    cell: (script) => (
      <span className="flex min-w-0 flex-col">
        <Link
          to="/scripts/$scriptId"
          params={{ scriptId: script.id }}
          search={true}
          title={script.name}
          className="truncate rounded-1 font-medium text-text"
        >
          {script.name}
        </Link>
        <span className="truncate text-12 text-text-3" title={script.description}>
          {script.description || 'No description'}
        </span>
      </span>
    ),
  },
  { id: 'language', head: 'Language', width: '104px', phone: false, cell: ({ language }) => LANGUAGE_WORDS[language] },
  {
    id: 'systems',
    head: 'For',
    width: '15%',
    phone: false,
    cell: (script) => <span className="text-text-2">{systemsOf(script)}</span>,
  },
  {
    id: 'place',
    head: 'Belongs to',
    width: '16%',
    narrow: false,
    cell: (script) => (
      <span className="text-text-2" title={placeOf(script)}>
        {placeOf(script)}
      </span>
    ),
  },
  {
    id: 'parameters',
    head: 'Parameters',
    width: '96px',
    align: 'right',
    narrow: false,
    cell: ({ parameters }) => <span className="tabular-nums">{parameters.length || ''}</span>,
  },
  {
    id: 'version',
    head: 'Version',
    width: '80px',
    align: 'right',
    narrow: false,
    cell: ({ version }) => <span className="tabular-nums">{version}</span>,
  },
  {
    id: 'updated',
    head: 'Last edit',
    width: '112px',
    phone: false,
    cell: (script) => (script.built_in ? '' : <When at={script.updated_at} />),
  },
]

const NoMatch = ({ onClear }: { onClear: () => void }) => (
  <StateView icon={ListFilter} title="No script matches" actions={<Button onClick={onClear}>Clear filters</Button>}>
    A filter is on. There may be scripts without it.
  </StateView>
)

const Nothing = ({ archived }: { archived: boolean }) => (
  <StateView icon={SquareTerminal} title={archived ? 'Nothing is archived' : 'No scripts yet'}>
    {archived
      ? 'What is taken out of use comes here, with all its versions and runs.'
      : 'Keep here what is run again and again: it has versions, parameters and a record of its runs.'}
  </StateView>
)
