/** The signed-in's own account: how they sign in, and where they are signed in. */
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { makePasskey } from '../../app/passkeys.ts'
import { useProven } from '../../app/step-up.tsx'
import { shown } from '../../app/tool-queries.ts'
import { toast } from '../../ui/toasts.ts'

export interface Account {
  passkeys: { id: string; name: string; created_at: string; last_used_at: string | null }[]
  providers: { id: string; name: string; label: string | null; created_at: string; last_used_at: string | null }[]
  /** Issuers that may be linked. */
  linkable: { id: string; name: string }[]
  totp: { enabled: boolean; recovery_codes_left: number }
  /** Whether there is one. */
  password: boolean
  sessions: {
    id: string
    current: boolean
    created_at: string
    last_used_at: string
    ip: string | null
    user_agent: string | null
  }[]
}

export const account = queryOptions({
  queryKey: ['account'],
  queryFn: () => api.get<Account>('account'),
  retry: false,
})

interface Options<Answer> {
  said?: string
  onDone?: (answer: Answer) => void
}

/** An act on the own account. Where the server wants a fresh proof, it is asked for, and the act is sent again. */
function useAccountAct<Input, Answer>(send: (input: Input) => Promise<Answer>, { said, onDone }: Options<Answer>) {
  const proven = useProven()
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: (input: Input) => proven(() => send(input)),
    onSuccess: (answer) => {
      void queries.invalidateQueries({ queryKey: account.queryKey })
      void queries.invalidateQueries({ queryKey: ['session'] })
      if (said !== undefined) toast({ title: said })
      onDone?.(answer)
    },
  })
  return shown(mutation)
}

interface Codes {
  recovery_codes: string[]
}

export const useChangePassword = (what: 'changed' | 'set', onDone: () => void) =>
  useAccountAct((input: { current?: string; next: string }) => api.post('account/password', input), {
    said: `Password ${what}. Other sessions are signed out`,
    onDone,
  })

export const useStartTotp = (onDone: (answer: { secret: string; uri: string }) => void) =>
  useAccountAct<void, { secret: string; uri: string }>(() => api.post('account/totp'), { onDone })

export const useConfirmTotp = (onDone: (answer: Codes) => void) =>
  useAccountAct((code: string) => api.post<Codes>('account/totp/confirm', { code }), { onDone })

export const useDisableTotp = (onDone: () => void) =>
  useAccountAct<void, unknown>(() => api.delete('account/totp'), { said: 'Authenticator app turned off', onDone })

export const useRecoveryCodes = (onDone: (answer: Codes) => void) =>
  useAccountAct<void, Codes>(() => api.post('account/recovery-codes'), { onDone })

export const useAddPasskey = (onDone: (answer: Partial<Codes>) => void) =>
  useAccountAct(
    async (name: string) => {
      const options = await api.post<unknown>('account/passkeys/options')
      return api.post<Partial<Codes>>('account/passkeys', { name, response: await makePasskey(options) })
    },
    { said: 'Passkey added', onDone },
  )

export const useRemovePasskey = (onDone: () => void) =>
  useAccountAct((id: string) => api.delete(`account/passkeys/${encodeURIComponent(id)}`), {
    said: 'Passkey removed',
    onDone,
  })

/** The browser leaves for the issuer, and comes back to this page. */
export const useLinkProvider = () =>
  useAccountAct((id: string) => api.post<{ redirect_to: string }>(`account/providers/${encodeURIComponent(id)}`), {
    onDone: ({ redirect_to: address }) => location.assign(address),
  })

export const useUnlinkProvider = () =>
  useAccountAct((id: string) => api.delete(`account/providers/${encodeURIComponent(id)}`), { said: 'Account unlinked' })

export const useEndSession = () =>
  useAccountAct((id: string) => api.delete(`account/sessions/${encodeURIComponent(id)}`), { said: 'Signed out there' })
