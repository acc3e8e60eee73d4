/** Stories that go on: a site that is away for a while, a service that comes and goes, a night of updates. */
import { patchesOf } from './morning.ts'
import { actor, type Stage, type Story } from './story.ts'

export const patchNightStory = {
  about: "the morning after updates: of Contoso's 89 devices 74 have all, 12 lack one or two, 3 failed",
  patches: patchesOf,
  play: async () => undefined,
} satisfies Story

const OUTAGE = 'Contoso - Headquarters'

export const siteOutage: Story = {
  about: `${OUTAGE} goes dark, and comes back after --down-for seconds`,
  async play({ simulation, downMs, pause }) {
    await simulation.siteDown(pause(downMs), OUTAGE)
  },
}

/** What is down for less is a restart, of which nobody is told. */
const LEAST_DOWN_MS = 90_000

export const flapping: Story = {
  about: 'a web server stops and starts again, every --every seconds, at least 90',
  async play(stage: Stage) {
    const server = actor(stage, 'Contoso-WEB-01')
    const service = server.facts.system.family === 'linux' ? 'apache2' : 'Spooler'
    let isUp = true
    while (await stage.pause(Math.max(stage.everyMs, LEAST_DOWN_MS))) {
      isUp = !isUp
      server.tellService(service, isUp ? 'running' : 'stopped')
    }
  },
}
