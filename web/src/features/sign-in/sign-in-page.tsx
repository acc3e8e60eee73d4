import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ApiError } from '../../app/api.ts'

export function SignInPage() {
  const queries = useQueryClient()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: () => api.post<{ state: string }>('sign-in', { email, password }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['session'] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  return (
    <main className="mx-auto mt-16 w-[376px] max-w-full p-4">
      <h1 className="text-24 font-semi">Sign in</h1>
      <form className="mt-6 flex flex-col gap-4" onSubmit={submit}>
        <label className="flex flex-col gap-1 text-14 font-medium">
          Email
          <input
            className="h-10 rounded-2 border border-line-control bg-surface px-3"
            type="email"
            autoComplete="username webauthn"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </label>
        <label className="flex flex-col gap-1 text-14 font-medium">
          Password
          <input
            className="h-10 rounded-2 border border-line-control bg-surface px-3"
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        {signIn.error instanceof ApiError && (
          <p role="alert" className="text-crit">
            {signIn.error.refusal.reason} {signIn.error.refusal.remedy}
          </p>
        )}
        <button
          className="h-10 rounded-2 bg-accent text-14 font-medium text-accent-fg hover:bg-accent-hover"
          type="submit"
        >
          Sign in
        </button>
      </form>
    </main>
  )
}
