import { expect, test } from 'vitest'
import { loopbackTwin } from './loopback-twin.ts'

test.each([
  ['localhost:8080', 'http://127.0.0.1:8080', 'http://localhost:8080'],
  ['127.0.0.1:8080', 'http://localhost:8080', 'http://127.0.0.1:8080'],
  ['[::1]:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080'],
  ['localhost', 'http://127.0.0.1', 'http://localhost'],
  // The same name, another port, another host on either side: no twins.
  ['127.0.0.1:8080', 'http://127.0.0.1:8080', null],
  ['localhost:9090', 'http://127.0.0.1:8080', null],
  ['localhost:8080', 'https://rmm.example.com:8080', null],
  ['evil.example:8080', 'http://127.0.0.1:8080', null],
  ['localhost.evil.example:8080', 'http://127.0.0.1:8080', null],
  ['localhost:8080/@x', 'http://127.0.0.1:8080', null],
  [null, 'http://127.0.0.1:8080', null],
])('%s for %s', (host, publicUrl, twin) => expect(loopbackTwin(host, publicUrl)).toBe(twin))
