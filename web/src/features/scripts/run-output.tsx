import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Outcome } from '../../ui/outcome.tsx'
import { FailedState } from '../../ui/state-view.tsx'
import { Untrusted } from '../../ui/untrusted.tsx'
import { When } from '../../ui/when.tsx'
import { type DeviceRun, outputPart, took } from './runs.ts'

interface DeviceOutputProps {
  run: string
  device: string
  /** As the list shows it by now. */
  listed: DeviceRun | undefined
  onClose: () => void
}

/** What one device made of it. What it wrote stays text, whatever it looks like. */
export function DeviceOutput({ run, device, listed, onClose }: DeviceOutputProps) {
  const found = useInfiniteQuery({
    // Another one once the device is further.
    queryKey: ['get_script_results', 'output', run, device, listed?.state, listed?.output_bytes],
    queryFn: ({ pageParam }) => outputPart(run, device, pageParam),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next_offset,
    placeholderData: (before) => before,
    staleTime: 10_000,
    retry: false,
  })
  const pages = found.data?.pages ?? []
  const one = pages.at(-1)?.devices[0] ?? listed
  const output = pages.map((page) => page.devices[0]?.output ?? '').join('')
  return (
    <Drawer
      label={one?.name ?? 'Device'}
      onClose={onClose}
      title={
        <span className="flex items-center gap-3">
          <h2 className="truncate text-14 font-semi">{one?.name ?? 'Device'}</h2>
          {one && <Outcome state={one.state} />}
        </span>
      }
    >
      {!one && found.error && (
        <FailedState what="The output" error={found.error} onRetry={() => void found.refetch()} />
      )}
      {one && (
        <div className="flex flex-col gap-4 px-5 py-4">
          <Facts facts={factsOf(one)} />
          {one.reason !== undefined && (
            <p className="wrap-anywhere">
              <span className="text-text-3">Because: </span>
              {one.reason}
            </p>
          )}
          {output === '' ? (
            <p className="text-text-3">{found.isPending ? 'Reading…' : 'It wrote nothing.'}</p>
          ) : (
            <Untrusted of={one.name} note={<CopyButton size="sm" variant="ghost" text={output} what="the output" />}>
              <pre className="whitespace-pre-wrap wrap-anywhere">{output}</pre>
            </Untrusted>
          )}
          {found.hasNextPage && (
            <div>
              <Button
                size="sm"
                busy={found.isFetchingNextPage && 'Reading…'}
                onClick={() => void found.fetchNextPage()}
              >
                Show more of it
              </Button>
            </div>
          )}
          {one.truncated && (
            <p className="text-12 text-text-3">
              It wrote {one.output_bytes ?? 'more'} bytes in all; what is beyond the limit was not kept.
            </p>
          )}
        </div>
      )}
    </Drawer>
  )
}

function factsOf({ exit_code: code, duration_ms: ms = null, expires_at: until }: DeviceRun) {
  const facts: (readonly [string, React.ReactNode] | false)[] = [
    ['Exit code', code ?? <span className="text-text-3">none yet</span>],
    ms !== null && ['Took', took(ms)],
    until !== undefined && ['Waits until', <When key="until" at={until} />],
  ]
  return facts.filter((fact) => fact !== false)
}
