import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { AuthenticatorDouble, KEYS, KernelDouble } from '../../../test/mcp/double.ts'
import { LocalRateLimiter } from '../../kernel/rate-limit.ts'
import { createMetrics } from '../http/metrics.ts'
import { Streams } from './streams.ts'

async function open(recheckMs: number) {
  const authenticator = new AuthenticatorDouble()
  const metrics = createMetrics(new Registry())
  const limits = { messagesPerMinute: 1, sseConnectionsPerMinute: 10, sseSessions: 2 }
  const streams = new Streams({
    kernel: new KernelDouble(),
    authenticator,
    metrics,
    limiter: new LocalRateLimiter(),
    limits,
    recheckMs,
  })
  const presented = { authorization: null, apiKey: KEYS.technician, ip: null }
  const identity = await authenticator.authenticate(presented)
  if (!identity) throw new Error('the double knows this key')
  const principal = { identity, presented, filter: {}, userAgent: null }
  const admission = await streams.admit(principal, 'sse')
  if (!admission.ok) throw new Error('there is room')
  return { authenticator, streams, stream: admission.stream, metrics, principal }
}

it('ends a stream whose credential went bad without anyone telling this node', async () => {
  const { authenticator, stream } = await open(50)
  authenticator.expireAt('key-1', new Date(0))
  await expect.poll(() => stream.signal.aborted).toBe(true)
})

it('keeps streams open while credentials can not be looked up for a moment', async () => {
  const { authenticator, stream } = await open(30)
  authenticator.broken = true
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(stream.signal.aborted).toBe(false)
})

it('frees a place once, however often it is released', async () => {
  const { streams, stream, metrics, principal } = await open(60_000)
  const second = await streams.admit(principal, 'sse')
  expect((await streams.admit(principal, 'sse')).ok).toBe(false)
  stream.release()
  stream.release()
  expect((await streams.admit(principal, 'sse')).ok).toBe(true)
  expect((await streams.admit(principal, 'sse')).ok).toBe(false)
  expect(second.ok).toBe(true)
  expect(await metrics.openStreams.get()).toMatchObject({ values: [{ value: 2 }] })
})
