import { expect, test } from 'vitest'
import { Routes } from './routes.ts'

const AGAIN_MS = 1000

test('three failed WebSockets make the next connection poll, until polling fails or a while has passed', () => {
  const routes = new Routes(['a'], AGAIN_MS)
  for (let failure = 0; failure < 3; failure++) {
    expect(routes.next(0)).toEqual({ server: 'a', kind: 'web_socket' })
    routes.failed('web_socket', false, 0)
  }
  expect(routes.next(0).kind).toBe('poll')
  routes.succeeded('poll')
  expect(routes.next(AGAIN_MS - 1).kind).toBe('poll')
  routes.failed('poll', false, AGAIN_MS - 1)
  expect(routes.next(AGAIN_MS - 1).kind).toBe('web_socket')
  routes.failed('web_socket', false, AGAIN_MS - 1)
  expect(routes.next(AGAIN_MS).kind).toBe('poll')
  expect(routes.next(2 * AGAIN_MS).kind).toBe('web_socket')
})

test('a WebSocket that works starts the count over', () => {
  const routes = new Routes(['a'], AGAIN_MS)
  routes.failed('web_socket', false, 0)
  routes.failed('web_socket', false, 0)
  routes.succeeded('web_socket')
  routes.failed('web_socket', false, 0)
  routes.failed('web_socket', false, 0)
  expect(routes.next(0).kind).toBe('web_socket')
})

test('a server that is down is no reason to poll it', () => {
  const routes = new Routes(['a'], AGAIN_MS)
  for (let failure = 0; failure < 10; failure++) routes.failed('web_socket', true, 0)
  expect(routes.next(0).kind).toBe('web_socket')
})

test('of several servers each is tried by both links', () => {
  const routes = new Routes(['a', 'b'], AGAIN_MS)
  const tried = Array.from({ length: 12 }, () => {
    const { server, kind } = routes.next(0)
    routes.failed(kind, false, 0)
    return `${server} ${kind}`
  })
  expect(new Set(tried)).toEqual(new Set(['a web_socket', 'b web_socket', 'a poll', 'b poll']))
})

test('a server that is not this device’s own gives way to the next', () => {
  const routes = new Routes(['a', 'b'], AGAIN_MS)
  expect(routes.refused()).toBe(true)
  expect(routes.next(0)).toEqual({ server: 'b', kind: 'web_socket' })
  expect(routes.refused()).toBe(false)
  expect(routes.next(0).server).toBe('a')
})
