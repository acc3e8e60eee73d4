import { join } from 'node:path'
import type { Command } from 'commander'
import type { Provision } from '../../../agent/src/simulator/simulation.ts'
import { Client } from '../client.ts'
import { Failure } from '../failure.ts'
import { note, plural, sayJson } from '../print.ts'
import { runTool } from '../run-tool.ts'
import { dataDir, findServer } from '../server.ts'
import { stopRequest } from '../stop-request.ts'
import { verb, wholeNumber, type CommonOptions } from './verb.ts'

interface SimulateOptions extends CommonOptions {
  devices?: number
  seed?: string
  server?: string
  state?: string
}

/** Long enough to enroll a big fleet past the server's limit of enrollments. */
const TOKEN_LIFE = '12h'

export function fleetVerbs(program: Command): void {
  const fleet = program.command('fleet').description('a fleet that is not there, for trying things out')
  verb(
    fleet,
    'simulate',
    'enroll simulated devices and keep them alive until stopped',
    'breeze fleet simulate --devices 147',
  )
    .option('--devices <number>', 'how many; 147, when left out', wholeNumber)
    .option('--seed <text>', 'the same seed gives the same fleet')
    .option('--server <url>', 'where the devices connect; the server you act on, when left out')
    .option('--state <folder>', 'where the enrolled devices are remembered; the data folder, when left out')
    .action(simulate)
}

async function simulate(options: SimulateOptions): Promise<void> {
  const found = await findServer()
  const client = new Client(found)
  // Only this verb needs the simulator; no other pays for loading it.
  const { runSimulation } = await import('../../../agent/src/simulator/simulation.ts')
  const ended = new AbortController()
  const asked = stopRequest().then(() => ended.abort())
  const starting = runSimulation({
    server: options.server ?? found.origin,
    provision: provisionThrough(client),
    stateDirectory: options.state ?? join(dataDir(), 'simulation'),
    signal: ended.signal,
    log: (event, fields = {}) =>
      note([event, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' ')),
    ...(options.devices !== undefined && { devices: options.devices }),
    ...(options.seed !== undefined && { seed: options.seed }),
  })
  const simulation = await Promise.race([starting, asked])
  if (!simulation) return
  const { connected } = simulation.statistics()
  const summary = { devices: simulation.devices.length, enrolled: simulation.enrolled, connected }
  if (options.json) sayJson(summary)
  else
    note(
      `${plural(summary.devices, 'device')} simulated, ${summary.enrolled} newly enrolled, ${connected} online. Ctrl-C stops them.`,
    )
  await Promise.race([asked, simulation.closed])
  await simulation.stop()
}

/** What the fleet needs, made through the same tools as everything else; what exists is found again. */
function provisionThrough(client: Client): Provision {
  const call = (tool: string, input: Record<string, unknown>) => runTool(client, tool, input, { yes: true })
  const ensure = async (
    list: string,
    key: string,
    name: string,
    within: Record<string, unknown>,
    create: string,
  ): Promise<string> => {
    const listed = (await call(list, { ...within, text: name, limit: 200 }))[key] as { id: string; name: string }[]
    const known = listed.find((item) => item.name.toLowerCase() === name.toLowerCase())
    return known?.id ?? String((await call(create, { ...within, name }))['id'])
  }
  return {
    ensureOrganization: (name) => ensure('list_organizations', 'organizations', name, {}, 'create_organization'),
    ensureSite: (organization, name) => ensure('list_sites', 'sites', name, { organization }, 'create_site'),
    async enrollmentToken(organization, site, uses) {
      const made = await call('create_enrollment_token', {
        organization,
        site,
        uses,
        expires_in: TOKEN_LIFE,
        simulated: true,
      })
      const { token } = made
      if (typeof token !== 'string') throw new Failure('refused', 'The server made no enrollment token.')
      return token
    },
  }
}
