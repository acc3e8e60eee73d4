import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { useSession } from '../../app/session.ts'
import { Facts } from '../../ui/facts.tsx'
import { FailedState } from '../../ui/state-view.tsx'
import { account } from './account.ts'
import { PasskeysSection } from './passkeys-section.tsx'
import { PasswordSection } from './password-section.tsx'
import { ProvidersSection } from './providers-section.tsx'
import { Section } from './section.tsx'
import { SessionsSection } from './sessions-section.tsx'
import { TotpSection } from './totp-section.tsx'

const route = getRouteApi('/console/account')

export function AccountPage() {
  const { user } = useSession()
  const { data, error, refetch } = useQuery(account)
  const { problem } = route.useSearch()
  return (
    <SettingsPage title="My account" prose>
      {error && !data ? (
        <FailedState what="Your account" error={error} onRetry={() => void refetch()} />
      ) : (
        <>
          <Section id="profile" title="Profile">
            <Facts
              facts={[
                ['Name', user.name],
                ['Email', user.email],
              ]}
            />
          </Section>
          {data && (
            <>
              <PasswordSection has={data.password} />
              <TotpSection totp={data.totp} passkeys={data.passkeys.length} />
              <PasskeysSection passkeys={data.passkeys} />
              <ProvidersSection linked={data.providers} offered={data.linkable} problem={problem} />
              <SessionsSection sessions={data.sessions} />
            </>
          )}
        </>
      )}
    </SettingsPage>
  )
}
