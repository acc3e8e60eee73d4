/** Acts that outlive their call: a script on many devices, a deployment. Their page opens as soon as they run. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api } from './api.ts'
import { type Act, isAwaitingApproval, useAct } from './held.tsx'
import { shown } from './tool-queries.ts'

const LOOK_MS = 400
/** Longer than a call waits for its devices. */
const LOOKS = 120

interface BeginOptions {
  /** Tools whose answers are other ones afterwards. */
  refresh: readonly string[]
  onBegun: (operation: string) => void
  /** Nothing runs yet: a second person decides. */
  onAwaitingApproval?: () => void
}

export function useBegin<Input extends object>(tool: string, options: BeginOptions) {
  const act = useAct()
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: useCallback((input: Input) => begun(act, tool, input), [act, tool]),
    // Inputs may hold secrets: nothing keeps them once the page is done with them.
    gcTime: 0,
    onSuccess: (operation) => {
      for (const name of options.refresh) void queries.invalidateQueries({ queryKey: [name] })
      options.onBegun(operation)
    },
    onError: (error) => {
      if (isAwaitingApproval(error)) options.onAwaitingApproval?.()
    },
  })
  return shown(mutation)
}

/**
 * The operation, once it runs. The call itself waits for its devices, up to 40 seconds; whoever confirmed it is let through to
 * its page before that.
 */
async function begun(act: Act, tool: string, input: object): Promise<string> {
  const running = Promise.withResolvers<string>()
  let over = false
  const look = async (operation: string) => {
    if (await untilRunning(operation, () => over)) running.resolve(operation)
  }
  const answer = act<{ operation: string }>(tool, input, {
    planFirst: true,
    onConfirmed: (operation) => void look(operation),
  })
  try {
    return await Promise.race([running.promise, answer.then(({ operation }) => operation)])
  } finally {
    over = true
  }
}

const WAITING = new Set(['awaiting_confirmation', 'awaiting_approval', 'expired', 'cancelled'])

async function untilRunning(operation: string, isOver: () => boolean): Promise<boolean> {
  for (let looks = 0; looks < LOOKS && !isOver(); looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    try {
      const { state } = await api.tool<{ state: string }>('get_operation', { operation })
      if (!WAITING.has(state)) return true
    } catch {
      // Who may not look waits for the answer itself.
      return false
    }
  }
  return false
}
