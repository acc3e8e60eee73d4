import { Outcome } from '../../ui/outcome.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { number } from '../../ui/time.ts'
import { progressOf, type Stage } from './rollouts.ts'

/** One after the other, each with how many of its devices came how far. */
export function Stages({ stages }: { stages: readonly Stage[] }) {
  return (
    <section className="border-b border-line px-5 py-4">
      <h3 className="mb-3 font-semi">Stages</h3>
      <ol className="flex flex-col gap-3">
        {stages.map((stage, index) => (
          // They have no identity but their place, and never change it.
          <li key={index} className="flex flex-col gap-1.5">
            <span className="flex items-center gap-3">
              <span className="min-w-0 grow truncate">
                <span className="text-text-3 tabular-nums">{index + 1}</span>{' '}
                <b className="font-medium">{stage.name}</b>
              </span>
              <Outcome state={stage.state === 'done' && stage.failed > 0 ? 'partial' : stage.state} />
            </span>
            <ProgressBar parts={progressOf(stage)} />
            <span className="text-12 text-text-2 tabular-nums">
              {number(stage.succeeded)} of {number(stage.devices)} succeeded
              {stage.failed > 0 && <span className="text-crit">, {number(stage.failed)} failed</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
