import { Hono } from 'hono'
import { expect, test } from 'vitest'
import type { HttpEnv } from '../http/types.ts'
import { installRoute } from './install-route.ts'

const app = () =>
  new Hono<HttpEnv>()
    .route(
      '/',
      installRoute({
        program: {
          get: () => Promise.resolve({ target: 'linux-x64', path: '/dev/null', compressedBytes: 0, sha256: '' }),
        },
        publicUrl: 'http://127.0.0.1:8080',
        now: () => new Date(0),
        addressOf: () => '203.0.113.7',
        log: { error: () => undefined },
      }),
    )
    .get('/assets/page.js', (context) => context.text('page'))

async function statuses(path: string): Promise<Set<number>> {
  const under = app()
  const answers = await Promise.all(Array.from({ length: 300 }, () => under.request(path)))
  return new Set(answers.map(({ status }) => status))
}

test('throttles an address that fetches the installer again and again', async () => {
  expect(await statuses('/agent/install.sh')).toEqual(new Set([200, 429]))
})

test('does not count what is not the installer', async () => {
  expect(await statuses('/assets/page.js')).toEqual(new Set([200]))
})
