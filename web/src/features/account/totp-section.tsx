import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog, Refused } from '../../ui/confirm-dialog.tsx'
import { CopyField } from '../../ui/copy-field.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { QrCode } from '../../ui/qr-code.tsx'
import { Tag } from '../../ui/tag.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { type Account, useConfirmTotp, useDisableTotp, useRecoveryCodes, useStartTotp } from './account.ts'
import { RecoveryCodes } from './recovery-codes.tsx'
import { Section } from './section.tsx'

type Open = { what: 'set-up'; secret: string; uri: string } | { what: 'codes'; codes: string[] } | { what: 'off' }

export function TotpSection({ totp, passkeys }: { totp: Account['totp']; passkeys: number }) {
  const [open, setOpen] = useState<Open | null>(null)
  const start = useStartTotp((made) => setOpen({ what: 'set-up', ...made }))
  const codes = useRecoveryCodes(({ recovery_codes }) => setOpen({ what: 'codes', codes: recovery_codes }))
  const close = () => setOpen(null)
  const secured = totp.enabled || passkeys > 0
  return (
    <>
      <Section
        id="totp"
        title="Authenticator app"
        about={
          <>
            {totp.enabled ? <Tag tone="ok">on</Tag> : <Tag>off</Tag>} A code of six digits besides your password, from
            an app on your phone.
          </>
        }
        action={
          totp.enabled ? (
            <Button variant="danger-line" onClick={() => setOpen({ what: 'off' })}>
              Turn off…
            </Button>
          ) : (
            <Button onClick={() => start.run()} busy={start.busy && 'Starting…'}>
              Set up…
            </Button>
          )
        }
      >
        {start.refusal !== undefined && <Refused text={start.refusal} />}
        {open?.what === 'set-up' && (
          <SetUp
            secret={open.secret}
            uri={open.uri}
            onClose={close}
            onCodes={(made) => setOpen({ what: 'codes', codes: made })}
          />
        )}
        {open?.what === 'off' && <TurnOff onClose={close} />}
        {open?.what === 'codes' && <RecoveryCodes codes={open.codes} onDone={close} />}
      </Section>
      <Section
        id="recovery"
        title="Recovery codes"
        about={
          secured
            ? `${totp.recovery_codes_left} left. Each signs you in once where the app or the passkey is lost.`
            : 'They come with an authenticator app or a passkey.'
        }
        action={
          <Button
            disabled={secured ? false : 'Set up an authenticator app or a passkey first.'}
            onClick={() => codes.run()}
            busy={codes.busy && 'Making…'}
          >
            Make new codes
          </Button>
        }
      >
        {codes.refusal !== undefined && <Refused text={codes.refusal} />}
      </Section>
    </>
  )
}

interface SetUpProps {
  secret: string
  uri: string
  onClose: () => void
  onCodes: (codes: string[]) => void
}

function SetUp({ secret, uri, onClose, onCodes }: SetUpProps) {
  const [code, setCode] = useState('')
  const confirm = useConfirmTotp(({ recovery_codes }) => onCodes(recovery_codes))
  return (
    <Dialog
      open
      onClose={onClose}
      title="Set up an authenticator app"
      about="Scan the code with the app, or type the secret into it, then enter the code that it shows."
      onSubmit={() => confirm.run(code.replaceAll(/\s/g, ''))}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" busy={confirm.busy && 'Checking…'}>
            Turn on
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        <div className="flex gap-5 max-sm:flex-col">
          <QrCode text={uri} label="QR code with the secret for the authenticator app" />
          <div className="flex min-w-0 grow flex-col gap-4">
            <div>
              <p className="mb-1.5 font-medium">Secret, time-based, six digits</p>
              <CopyField label="Secret" value={secret.replace(/(.{4})(?=.)/g, '$1 ')} />
            </div>
            <div>
              <p className="mb-1.5 font-medium">
                Or <a href={uri}>open it in an app on this device</a>
              </p>
              <CopyField label="otpauth address" value={uri} />
            </div>
          </div>
        </div>
        <TextField
          label="Authentication code"
          inputMode="numeric"
          autoComplete="one-time-code"
          data-first
          maxLength={8}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          error={confirm.refusal}
        />
      </div>
    </Dialog>
  )
}

function TurnOff({ onClose }: { onClose: () => void }) {
  const disable = useDisableTotp(onClose)
  return (
    <ConfirmDialog
      title="Turn off the authenticator app?"
      about="Your password alone signs you in, unless you have a passkey. Your other sessions are signed out."
      act="Turn off"
      doing="Turning off…"
      keep="Keep it on"
      busy={disable.busy}
      refusal={disable.refusal}
      onKeep={onClose}
      onAct={() => disable.run()}
    />
  )
}
