import { expect, test } from 'vitest'
import { ConfigError, parseServerUrl, readConfig, systemVariables } from './config.ts'

test.each([
  ['https://rmm.example.com/ignored?path', 'https://rmm.example.com'],
  ['wss://rmm.example.com:8443', 'https://rmm.example.com:8443'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['ws://127.0.0.1', 'http://127.0.0.1'],
  ['http://127.9.8.7:1', 'http://127.9.8.7:1'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
])('accepts %s', (text, origin) => {
  expect(parseServerUrl(text)).toBe(origin)
})

test.each([
  'http://rmm.example.com',
  'ws://10.0.0.1',
  'http://localhost.example.com',
  'http://127.0.0.1.example.com',
  'http://0.0.0.0',
  'http://[::ffff:10.0.0.1]',
])('refuses plain %s in one line', (text) => {
  expect(() => parseServerUrl(text)).toThrow(/^Plain http is refused for [^\n]+$/)
})

test.each(['rmm.example.com', 'ftp://127.0.0.1', 'https://user:secret@rmm.example.com'])('refuses %s', (text) => {
  expect(() => parseServerUrl(text)).toThrow(ConfigError)
})

test('options go before the environment', () => {
  const env = { BREEZE_AGENT_SERVER: 'https://b', BREEZE_AGENT_TOKEN: 'from-env' }
  const parsed = readConfig(['--server', 'https://a', '--state', '/s'], env)
  expect(parsed).toMatchObject({
    config: { servers: ['https://a'], token: 'from-env', stateDirectory: '/s', power: 'real' },
  })
})

const read = (env: NodeJS.ProcessEnv, argv: string[] = []) => readConfig(['--server', 'https://a', ...argv], env)

test('a misspelt dry run, fault point or option is an error, not a reboot', () => {
  expect(() => read({ BREEZE_AGENT_POWER: 'dryrun' })).toThrow('must be real or dry-run')
  expect(() => read({ BREEZE_AGENT_FAULT: 'journal' })).toThrow('must be one of')
  expect(() => read({}, ['--sevrer'])).toThrow(ConfigError)
})

test('programs are given what Windows needs of its own variables, and nothing else of the environment', () => {
  const env = { SystemRoot: 'C:\\Windows', PATH: 'C:\\Windows\\System32', TEMP: '', BREEZE_AGENT_TOKEN: 'secret' }
  expect(systemVariables(env, 'win32')).toEqual({ SystemRoot: env.SystemRoot, PATH: env.PATH })
  expect(systemVariables(env, 'linux')).toEqual({})
})
