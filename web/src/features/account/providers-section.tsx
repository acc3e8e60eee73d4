import { Building2 } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { When } from '../../ui/when.tsx'
import { type Account, useLinkProvider, useUnlinkProvider } from './account.ts'
import { Section } from './section.tsx'

interface ProvidersSectionProps {
  linked: Account['providers']
  offered: Account['linkable']
  /** With which the browser came back from linking one. */
  problem: string | undefined
}

const PROBLEMS: Readonly<Record<string, string>> = {
  already_linked:
    'That account signs somebody in here already. Unlink it there first, or choose another account at the issuer.',
}

/** Accounts at other issuers that sign this person in. */
export function ProvidersSection({ linked, offered, problem }: ProvidersSectionProps) {
  const link = useLinkProvider()
  const unlink = useUnlinkProvider()
  if (linked.length === 0 && offered.length === 0) return null
  const refusal = link.refusal ?? unlink.refusal ?? (problem && PROBLEMS[problem])
  return (
    <Section
      id="providers"
      title="Linked accounts"
      about="Sign you in here as well. Linking or unlinking signs out every other session of yours."
      action={
        <div className="flex flex-wrap gap-2">
          {offered.map(({ id, name }) => (
            <Button key={id} disabled={link.busy} onClick={() => link.run(id)}>
              Link {name}…
            </Button>
          ))}
        </div>
      }
    >
      {linked.length === 0 ? (
        <p className="text-text-3">None yet.</p>
      ) : (
        <ul>
          {linked.map((account) => (
            <li key={account.id} className="flex items-center gap-3 border-line py-2 not-first:border-t">
              <Building2 className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
              <span className="flex min-w-0 grow flex-col">
                <b className="truncate font-medium">{account.name}</b>
                <span className="text-12 text-text-3">
                  {account.label !== null && `${account.label} · `}linked <When at={account.created_at} /> · last used{' '}
                  <When at={account.last_used_at} never="never" />
                </span>
              </span>
              <Button
                size="sm"
                disabled={unlink.busy}
                aria-label={`Unlink ${account.name}`}
                onClick={() => unlink.run(account.id)}
              >
                Unlink
              </Button>
            </li>
          ))}
        </ul>
      )}
      {refusal !== undefined && <Refused text={refusal} />}
    </Section>
  )
}
