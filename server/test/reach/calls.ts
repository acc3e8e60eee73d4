/** Calls of tools as one technician makes them, and how they end. */
import type { ResultData, RESULT_DATA } from '@breeze/contract/agent-commands'
import type { Caller } from '../../src/kernel/caller.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import type { Harness } from '../harness.ts'

export interface Done {
  text: string
  data: Record<string, unknown> & { devices: Record<string, unknown>[] }
}

export function done(outcome: Outcome): Done {
  if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
  // Tests look at the fields that they know to be there.
  return { text: outcome.text, data: outcome.data as Done['data'] }
}

export function callsOf(world: Harness, caller: () => Caller) {
  const invoke = (tool: string, input: object) => world.invoke(caller(), tool, input)
  return {
    invoke,
    call: async (tool: string, input: object): Promise<Done> => done(await invoke(tool, input)),
    /** Confirms what is held. */
    confirmed: async (tool: string, input: object): Promise<Done> => {
      const held = await invoke(tool, input)
      if (held.status !== 'held' || !held.hold.confirmation) throw new Error(JSON.stringify(held))
      return done(await invoke(tool, { ...input, confirmation: held.hold.confirmation.token }))
    },
    refusal: async (tool: string, input: object) => {
      const outcome = await invoke(tool, input)
      if (!('denial' in outcome)) throw new Error(JSON.stringify(outcome))
      return { status: outcome.status, ...outcome.denial }
    },
    commands: async (...deviceIds: string[]): Promise<number> =>
      (await world.sql('select from device_commands where device_id = any ($1::uuid[])', [deviceIds])).length,
  }
}

/** As the contract has it, so that a test's answer is one that an agent could give. */
export const found = <T extends keyof typeof RESULT_DATA>(_type: T, data: ResultData<T>): { data: unknown } => ({
  data,
})
