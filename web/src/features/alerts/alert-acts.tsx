/** Acknowledging and resolving, one or several at once, and what the tool said of each. */
import { useState } from 'react'
import { useToolAct } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { Severity } from '../../ui/severity.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { toast } from '../../ui/toasts.ts'
import { type Alert, ALERT_TOOLS, placeOf } from './alerts.ts'

export type AlertAct = 'acknowledge' | 'resolve'
export interface Acting {
  act: AlertAct
  alerts: readonly Alert[]
}

interface Answer {
  matched: number
  changed: number
  still_holding?: number
  alerts: { id: string; outcome: string; title?: string; device?: string; condition?: string }[]
}

const WORDS = {
  acknowledge: { verb: 'Acknowledge', doing: 'Acknowledging…', done: 'acknowledged' },
  resolve: { verb: 'Resolve', doing: 'Resolving…', done: 'resolved' },
}
const ABOUT = {
  acknowledge: 'It is in hand. It stays open until its condition ends or it is resolved.',
  resolve: 'What was wrong is over. Where the condition still holds, it opens again.',
}
const UNTIL = [
  ['', 'Until it ends'],
  ['1h', 'For 1 hour, then open again'],
  ['8h', 'For 8 hours, then open again'],
  ['24h', 'For 24 hours, then open again'],
  ['7d', 'For 7 days, then open again'],
] as const

const counted = (count: number): string => (count === 1 ? 'this alert' : `${count} alerts`)

export function ActDialog({ acting: { act, alerts }, onClose }: { acting: Acting; onClose: () => void }) {
  const [note, setNote] = useState('')
  const [until, setUntil] = useState('')
  const [answer, setAnswer] = useState<Answer | null>(null)
  const { run, busy, refusal } = useToolAct<object, Answer>(`${act}_alerts`, {
    refresh: ALERT_TOOLS,
    onDone: (told) => {
      if (isPlain(told)) {
        toast({ title: `${told.changed === 1 ? '1 alert' : `${told.changed} alerts`} ${WORDS[act].done}` })
        onClose()
      } else setAnswer(told)
    },
  })
  if (answer) return <Outcome act={act} answer={answer} onClose={onClose} />
  const send = () =>
    run({
      ids: alerts.map(({ id }) => id),
      ...(note.trim() !== '' && { note: note.trim() }),
      ...(until !== '' && { acknowledge_until: until }),
    })
  return (
    <FormDialog
      title={`${WORDS[act].verb} ${counted(alerts.length)}`}
      about={ABOUT[act]}
      act={WORDS[act].verb}
      doing={WORDS[act].doing}
      tier={2}
      busy={busy}
      refusal={refusal}
      onClose={onClose}
      onSubmit={send}
    >
      <Names alerts={alerts} />
      <TextField
        label={act === 'resolve' ? 'What was done' : 'Note'}
        hint="Kept with the alert, and read by assistants too."
        maxLength={2000}
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      {act === 'acknowledge' && (
        <SelectField label="How long" value={until} onChange={(event) => setUntil(event.target.value)}>
          {UNTIL.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
      )}
    </FormDialog>
  )
}

const SHOWN = 6

/** Names before counts. */
function Names({ alerts }: { alerts: readonly Alert[] }) {
  const more = alerts.length - SHOWN
  return (
    <ul className="flex flex-col gap-1">
      {alerts.slice(0, SHOWN).map((alert) => (
        <li key={alert.id} className="flex min-w-0 items-center gap-2">
          <Severity level={alert.severity}>{''}</Severity>
          <span className="truncate">
            <b className="font-medium">{placeOf(alert)}</b>: {alert.title}
          </span>
        </li>
      ))}
      {more > 0 && <li className="text-text-3">and {more} more</li>}
    </ul>
  )
}

/** All as asked, and nothing more to know of it. */
const isPlain = ({ matched, changed, still_holding: holding, alerts }: Answer): boolean =>
  changed === matched && holding === undefined && alerts.every(({ outcome }) => outcome !== 'not_found')

const OUTCOMES: Readonly<Record<string, string>> = {
  already_resolved: 'was resolved already',
  unchanged: 'was so already',
  not_found: 'is not there, or not yours to see',
}

function Outcome({ act, answer, onClose }: { act: AlertAct; answer: Answer; onClose: () => void }) {
  const holding = answer.still_holding ?? 0
  return (
    <Dialog
      open
      onClose={onClose}
      title={`${answer.changed} of ${answer.alerts.length} ${WORDS[act].done}`}
      actions={
        <Button variant="primary" onClick={onClose} data-first>
          Close
        </Button>
      }
    >
      <div className="flex flex-col gap-4">
        {holding > 0 && (
          <Note tone="warn" title={holding === 1 ? 'The condition still holds.' : `${holding} conditions still hold.`}>
            {holding === 1 ? 'It opens' : 'They open'} again once the rule is fulfilled anew.
          </Note>
        )}
        <ul className="flex flex-col gap-1">
          {answer.alerts.map(({ id, title, device, outcome, condition }) => (
            <li key={id}>
              <b className="font-medium">{device ?? title ?? id}</b>
              {device !== undefined && `: ${title}`}{' '}
              <span className="text-text-2">
                {OUTCOMES[outcome] ?? outcome}
                {condition !== undefined && `, condition ${condition}`}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  )
}
