import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { FileX } from 'lucide-react'
import { useState } from 'react'
import { ApiError } from '../../app/api.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolAct } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/copy-field.tsx'
import { Counts } from '../../ui/counts.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Note } from '../../ui/note.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { Tag } from '../../ui/tag.tsx'
import { toast } from '../../ui/toasts.ts'
import { When } from '../../ui/when.tsx'
import { ParameterList } from './parameter-list.tsx'
import { RunScript } from './run-script.tsx'
import { SaveScript } from './save-script.tsx'
import {
  LANGUAGE_WORDS,
  type OneScript,
  placeOf,
  SCRIPT_TOOLS,
  type Script,
  systemsOf,
  wholeScript,
} from './scripts.ts'

const route = getRouteApi('/console/scripts/$scriptId')

export function ScriptDrawer() {
  const { scriptId } = route.useParams()
  const { version } = route.useSearch()
  const navigate = route.useNavigate()
  const found = useQuery(wholeScript(scriptId, version))
  const one = found.data
  const isAbsent = found.error instanceof ApiError && [400, 404].includes(found.error.status)
  return (
    <Drawer
      label={one?.script.name ?? 'Script'}
      onClose={() => void navigate({ to: '/scripts', search: ({ version: _version, ...rest }) => rest })}
      title={
        <span className="flex items-center gap-2">
          <h2 className="truncate text-14 font-semi">{one?.script.name ?? 'Script'}</h2>
          {one?.script.archived && <Tag>Archived</Tag>}
        </span>
      }
    >
      {one && <Details key={one.script.id} one={one} shown={version} />}
      {!one && isAbsent && (
        <StateView icon={FileX} title="There is no such script">
          It belongs to an organization that you do not reach, or its address is wrong.
        </StateView>
      )}
      {!one && found.error && !isAbsent && (
        <FailedState what="The script" error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Drawer>
  )
}

function Details({ one, shown }: { one: OneScript; shown: number | undefined }) {
  const { script } = one
  const latest = one.versions[0]?.version ?? script.version
  return (
    <>
      <section className="flex flex-col gap-4 border-b border-line px-5 py-4">
        <Acts one={one} latest={latest} />
        {script.description && <p className="text-text-2">{script.description}</p>}
        <Facts
          facts={[
            ['Language', LANGUAGE_WORDS[script.language]],
            ['For', systemsOf(script)],
            ['Belongs to', placeOf(script)],
            ['Runs as', one.run_as ?? 'the agent’s own user'],
            ['Time limit', `${one.timeout_seconds} s on each device`],
            ...(one.undo === undefined ? [] : [['Undone by', <Undo key="undo" script={one.undo} />] as const]),
          ]}
        />
      </section>
      <section className="border-b border-line px-5 py-4">
        <h3 className="mb-2 font-semi">Parameters</h3>
        <ParameterList parameters={script.parameters} />
      </section>
      <section className="flex flex-col gap-2 border-b border-line px-5 py-4">
        <h3 className="font-semi">Version {script.version}</h3>
        {script.version !== latest && (
          <Note title="Not the latest.">
            A run takes version {latest} unless this one is named.{' '}
            <Link to="/scripts/$scriptId" params={{ scriptId: script.id }} search={withoutVersion} className="link">
              Show the latest
            </Link>
          </Note>
        )}
        <CodeBlock whole code={one.content} what={`text of version ${script.version}`} />
        <p className="text-12 text-text-3">
          Digest <code className="wrap-anywhere">{one.digest}</code>
        </p>
      </section>
      <Versions one={one} shown={shown ?? latest} />
      <Runs one={one} />
    </>
  )
}

const Undo = ({ script }: { script: string }) => (
  <Link to="/scripts/$scriptId" params={{ scriptId: script }} search={withoutVersion} className="link rounded-1">
    its undo script
  </Link>
)

const withoutVersion = <Search extends { version?: number }>({ version: _version, ...rest }: Search) => rest

type Opened = 'run' | 'edit' | 'copy' | null

function Acts({ one, latest }: { one: OneScript; latest: number }) {
  const { script } = one
  const session = useSession()
  const navigate = route.useNavigate()
  const [opened, setOpened] = useState<Opened>(null)
  const edit = withheld(session, 'scripts.write')
  const isOld = script.version !== latest && 'This is not the latest version. Show the latest to edit it.'
  const close = () => setOpened(null)
  const go = (id: string) =>
    void navigate({ to: '/scripts/$scriptId', params: { scriptId: id }, search: withoutVersion })
  return (
    <div className="flex flex-wrap gap-2">
      {!script.archived && (
        <Button
          variant="primary"
          tier={3}
          disabled={withheld(session, 'scripts.execute')}
          onClick={() => setOpened('run')}
        >
          Run…
        </Button>
      )}
      {!script.archived && !script.built_in && (
        <Button tier={3} disabled={edit || isOld} onClick={() => setOpened('edit')}>
          Edit…
        </Button>
      )}
      <Button tier={3} disabled={edit} onClick={() => setOpened('copy')}>
        Save a copy…
      </Button>
      {!script.built_in && <Archive script={script} off={edit} />}
      {opened === 'run' && <RunScript one={one} onClose={close} />}
      {opened === 'edit' && <SaveScript one={one} onClose={close} onSaved={go} />}
      {opened === 'copy' && <SaveScript one={one} copy onClose={close} onSaved={go} />}
    </div>
  )
}

interface ArchiveInput {
  script: string
  archived: boolean
}

/** It can be taken back, so it is done at once. */
function Archive({ script, off }: { script: Script; off: string | false }) {
  const { run, busy } = useToolAct<ArchiveInput, { name: string; archived: boolean }>('archive_script', {
    refresh: SCRIPT_TOOLS,
    loud: true,
    onDone: ({ name, archived }) =>
      toast({
        title: `${name} ${archived ? 'archived' : 'restored'}`,
        ...(archived && {
          action: { label: 'Undo', onClick: () => run({ script: script.id, archived: false }) },
        }),
      }),
  })
  const archived = !script.archived
  return (
    <Button
      tier={2}
      disabled={off}
      busy={busy && (archived ? 'Archiving…' : 'Restoring…')}
      onClick={() => run({ script: script.id, archived })}
    >
      {archived ? 'Archive' : 'Restore'}
    </Button>
  )
}

function Versions({ one, shown }: { one: OneScript; shown: number }) {
  return (
    <section className="border-b border-line px-5 py-4">
      <h3 className="mb-2 font-semi">Versions</h3>
      <ol className="flex flex-col gap-1.5">
        {one.versions.map(({ version, note, saved_at: at, saved_by: by }) => (
          <li key={version} className="grid grid-cols-[4.5rem_minmax(0,1fr)_auto] items-baseline gap-3">
            <Link
              to="/scripts/$scriptId"
              params={{ scriptId: one.script.id }}
              search={(search) => ({ ...search, version })}
              aria-current={version === shown || undefined}
              className="link rounded-1 aria-[current]:font-semi aria-[current]:text-text"
            >
              Version {version}
            </Link>
            <span className="text-text-2 wrap-anywhere">
              {note || <span className="text-text-3">No note</span>}
              {by !== null && <span className="text-text-3"> · {by}</span>}
            </span>
            <span className="text-text-3">
              <When at={at} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Runs({ one }: { one: OneScript }) {
  return (
    <section className="px-5 py-4">
      <h3 className="mb-2 font-semi">Last runs</h3>
      {one.runs.length === 0 && <p className="text-text-3">None that you may see.</p>}
      <ol className="flex flex-col gap-1.5">
        {one.runs.map(({ run, version, started_at: at, counts }) => (
          <li key={run} className="grid grid-cols-[4.5rem_minmax(0,1fr)_auto] items-baseline gap-3">
            <Link
              to="/scripts/runs/$runId"
              params={{ runId: run }}
              search={{ script: one.script.id }}
              className="link rounded-1"
            >
              <When at={at} />
            </Link>
            <Counts counts={counts} />
            <span className="text-text-3">{version === null ? '' : `v${version}`}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
