import type { ServerKey } from '@breeze/contract/agent-protocol'
import type { ConnectionTiming } from './connection.ts'
import { AWAITING_APPROVAL } from './enrollment.ts'
import { fault } from './faults.ts'
import { type EnrolledIdentity, IdentityHolder, saveIdentity } from './identity-store.ts'
import { errorText, type Log } from './log.ts'
import { renewedMachineId } from './machine-id.ts'
import { hostName, platformName } from './platform/machine.ts'
import { separate, setForeignJournalAside } from './separation.ts'
import { type MachineWork, type Session, startSession } from './session.ts'
import type { StopReason } from './stop-reason.ts'
import type { Transport } from './transport.ts'
import { AGENT_VERSION } from './version.ts'

interface AgentParts {
  servers: readonly string[]
  transport: Transport
  stateDirectory: string
  work: MachineWork
  log: Log
  timing?: Partial<ConnectionTiming>
}

export const machineFacts = (machineId: string) => ({
  hostname: hostName(),
  machineId,
  platform: platformName(),
  agentVersion: AGENT_VERSION,
})

/** This machine's agent, through the one change of identity it may live to see. */
export class Agent {
  readonly closed: Promise<{ reason: StopReason }>
  readonly #parts: AgentParts
  readonly #unlock: () => Promise<void>
  readonly #resolveClosed: (closed: { reason: StopReason }) => void
  #deviceId = ''
  #identity: IdentityHolder | undefined
  #session: Session | undefined
  #separating = false
  /** The short time between two identities. */
  #becoming: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(parts: AgentParts, unlock: () => Promise<void>) {
    const { promise, resolve } = Promise.withResolvers<{ reason: StopReason }>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#parts = parts
    this.#unlock = unlock
  }

  get deviceId(): string {
    return this.#deviceId
  }

  /** Whose orders count now. */
  get serverKeys(): readonly ServerKey[] {
    return this.#identity?.current.serverKeys ?? []
  }

  async start(identity: EnrolledIdentity, machineId: string): Promise<void> {
    const { stateDirectory } = this.#parts
    const own = identity.foreignJournal ? await setForeignJournalAside(stateDirectory, identity) : identity
    const holder = new IdentityHolder(stateDirectory, own)
    this.#deviceId = own.deviceId
    this.#identity = holder
    this.#session = await startSession({
      ...this.#parts,
      identity: holder,
      machineId,
      onCopied: () => this.#copied(holder),
    })
  }

  async sleep(): Promise<void> {
    await this.#session?.sleep()
  }

  stop(reason: StopReason): Promise<void> {
    return (this.#stopping ??= this.#stop(reason))
  }

  async #stop(reason: StopReason): Promise<void> {
    this.#parts.log('stopping', { reason })
    await this.#becoming?.catch(() => undefined)
    await this.#session?.stop(reason)
    await this.#unlock()
    this.#resolveClosed({ reason })
  }

  /** When it fails, the connection knocks again later, and is told the same. */
  #copied(identity: IdentityHolder): void {
    if (this.#stopping || this.#separating) return
    const { log } = this.#parts
    log('identity_copied', { deviceId: this.#deviceId, next: 'this machine becomes a device of its own' })
    this.#separating = true
    this.#separate(identity)
      .catch((error: unknown) => log('separation_failed', { message: errorText(error) }))
      .finally(() => {
        this.#separating = false
      })
  }

  async #separate(identity: IdentityHolder): Promise<void> {
    const { servers, transport, stateDirectory } = this.#parts
    const machineId = await renewedMachineId(stateDirectory)
    const own = await separate({ servers, transport, identity, machine: machineFacts(machineId) })
    // The next start asks with the same key and gets the same device.
    if (this.#stopping) return
    this.#becoming = this.#become(own, machineId)
    try {
      await this.#becoming
    } catch (error) {
      // Between two identities there is none to go on with; whoever supervises this process starts it anew.
      this.#parts.log('separation_broken_off', { message: errorText(error) })
      void this.stop('stop')
    }
  }

  async #become(own: EnrolledIdentity, machineId: string): Promise<void> {
    const { stateDirectory, log } = this.#parts
    await this.#session?.stop('stop')
    await saveIdentity(stateDirectory, own)
    fault('separation.saved')
    log('separated', { deviceId: own.deviceId, remedy: AWAITING_APPROVAL })
    await this.start(own, machineId)
  }
}
