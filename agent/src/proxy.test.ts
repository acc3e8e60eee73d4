import { expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'
import { ProxyRules } from './proxy.ts'

const PROXY = new URL('http://proxy.example:3128')
const goesThrough = (url: string, exceptions: string) =>
  new ProxyRules(PROXY, exceptions).proxyFor(new URL(url)) !== undefined

test.each([
  ['https://rmm.example.com', ''],
  ['https://rmm.example.com', 'other.com, .example.org'],
  ['https://badexample.com', 'example.com'],
  ['https://rmm.example.com:8443', 'rmm.example.com:443'],
  ['https://10.1.2.3', '10.2.0.0/16,1.2.3'],
  ['https://10.1.2.3', '10.1.2.3/nonsense,10.1.2.3/99'],
])('%s goes through the proxy with NO_PROXY=%s', (url, exceptions) => {
  expect(goesThrough(url, exceptions)).toBe(true)
})

test.each([
  ['https://rmm.example.com', '*'],
  ['https://rmm.example.com', 'localhost,example.com'],
  ['https://RMM.example.com', '.EXAMPLE.com'],
  ['https://rmm.example.com', '*.example.com'],
  ['https://rmm.example.com', 'rmm.example.com:443'],
  ['https://10.1.2.3', '10.1.0.0/16'],
  ['https://[fd00::1]:8443', 'fd00::1'],
  ['https://[fd00::1]', 'fd00::/8'],
  ['http://127.0.0.1:3000', ''],
])('%s goes past the proxy with NO_PROXY=%s', (url, exceptions) => {
  expect(goesThrough(url, exceptions)).toBe(false)
})

const network = (env: NodeJS.ProcessEnv, argv: string[] = []) => {
  const parsed = readConfig(['--server', 'https://a', ...argv], env)
  return parsed.kind === 'run' ? parsed.config.network : undefined
}

test('the environment names the proxy as other programs read it', () => {
  expect(network({})).toEqual({})
  expect(network({ HTTPS_PROXY: 'proxy:3128', NO_PROXY: 'b' })?.proxy).toMatchObject({ exceptions: 'b' })
  expect(network({ HTTPS_PROXY: 'proxy:3128' })?.proxy?.address.href).toBe('http://proxy:3128/')
  expect(network({ https_proxy: 'http://a', HTTPS_PROXY: 'http://b' })?.proxy?.address.host).toBe('a')
  expect(network({ HTTP_PROXY: 'http://b' })?.proxy?.address.host).toBe('b')
})

test('an address that is none is refused without repeating it, because it may hold a password', () => {
  for (const text of ['socks5://user:secret@proxy', 'http://user:secret@:x']) {
    const read = () => network({ HTTPS_PROXY: text })
    expect(read).toThrow(ConfigError)
    expect(read).not.toThrow('secret')
  }
})

test('roots of trust are a file, and alone only where one is named', () => {
  expect(network({}, ['--ca', '/ca.pem'])?.ca).toEqual({ path: '/ca.pem', only: false })
  expect(network({ BREEZE_AGENT_CA: '/ca.pem', BREEZE_AGENT_CA_ONLY: 'yes' })?.ca).toEqual({
    path: '/ca.pem',
    only: true,
  })
  expect(() => network({ BREEZE_AGENT_CA_ONLY: 'yes' })).toThrow('needs --ca')
  expect(() => network({ BREEZE_AGENT_CA: '/ca.pem', BREEZE_AGENT_CA_ONLY: 'true' })).toThrow('must be yes or no')
})

test('several servers are named by repeating the option or by commas', () => {
  const parsed = readConfig(['--server', 'https://a', '--server', 'https://b,https://c/x'], {})
  expect(parsed).toMatchObject({ config: { servers: ['https://a', 'https://b', 'https://c'] } })
  const other = readConfig([], { BREEZE_AGENT_SERVER: 'https://a, https://b' })
  expect(other).toMatchObject({ config: { servers: ['https://a', 'https://b'] } })
  expect(() => readConfig(['--server', 'https://a,http://b'], {})).toThrow('Plain http is refused for b')
})
