/**
 * What the server tells while a page is in sight: that something of a subject changed. The page then asks again by its tools.
 * Without the stream nothing is lost but time: each opening counts as a wake-up, and so does coming back into sight.
 */
import { useEffect, useRef } from 'react'

/** Uncertain: something may have changed while nobody listened. */
type Wake = (certain: boolean) => void

const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000

const listeners = new Map<string, Set<Wake>>()

const tell = (subject: string): void => listeners.get(subject)?.forEach((wake) => wake(true))
const tellAll = (): void => listeners.forEach((wakes) => wakes.forEach((wake) => wake(false)))

export function useLive(subject: string, wake: Wake): void {
  const latest = useRef(wake)
  useEffect(() => {
    latest.current = wake
  })
  useEffect(() => {
    const own: Wake = (certain) => latest.current(certain)
    const wakes = listeners.get(subject) ?? new Set()
    listeners.set(subject, wakes.add(own))
    return () => void wakes.delete(own)
  }, [subject])
}

/** Once, around all pages. A tab out of sight holds no connection: browsers have few for one server. */
export function useLiveStream(): void {
  useEffect(() => {
    let running: AbortController | null = null
    const follow = () => {
      if (document.hidden) running?.abort()
      else if (!running || running.signal.aborted) void listen((running = new AbortController()).signal)
    }
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      running?.abort()
    }
  }, [])
}

let openedBefore = false

async function listen(signal: AbortSignal): Promise<void> {
  let pause = FIRST_PAUSE_MS
  while (!signal.aborted) {
    const heard = await hear(signal)
    pause = heard ? FIRST_PAUSE_MS : Math.min(2 * pause, LONGEST_PAUSE_MS)
    await rest(pause, signal)
  }
}

/** One stream to its end. False where there was none. */
async function hear(signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch('/api/console/live', {
      credentials: 'same-origin',
      headers: { 'x-breeze-console': '1' },
      signal,
    })
    if (!response.ok || !response.body) return false
    // What the pages show at the first opening was just read.
    if (openedBefore) tellAll()
    openedBefore = true
    await read(response.body)
    return true
  } catch {
    // Cut, or unreachable: it is opened again after a pause.
    return false
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const parts = (rest + decoder.decode(value, { stream: true })).split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const subject = /^data: (.+)$/m.exec(part)?.[1]
      if (subject !== undefined) tell(subject)
    }
  }
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
