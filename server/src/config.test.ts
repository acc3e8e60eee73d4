import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

describe('the mode', () => {
  it('is development only while host and public URL are both loopback', () => {
    expect(readConfig({}).mode).toBe('development')
    expect(readConfig({ HOST: '0.0.0.0' }).mode).toBe('production')
    expect(readConfig({ BREEZE_PUBLIC_URL: 'https://rmm.example.com' }).mode).toBe('production')
    expect(readConfig({ HOST: '0.0.0.0', BREEZE_ENV: 'development' }).mode).toBe('development')
  })

  it('decides what an unset allow-list means', () => {
    expect(readConfig({}).executeAllowList).toBe('all')
    expect(readConfig({ BREEZE_ENV: 'production' }).executeAllowList).toEqual(new Set())
    expect(readConfig({ MCP_EXECUTE_TOOL_ALLOWLIST: '' }).executeAllowList).toEqual(new Set())
    const listed = readConfig({ BREEZE_ENV: 'production', MCP_EXECUTE_TOOL_ALLOWLIST: 'run_script, device_actions' })
    expect(listed.executeAllowList).toEqual(new Set(['run_script', 'device_actions']))
  })

  it('keeps the local agent to servers on loopback unless it is asked for', () => {
    expect(readConfig({}).localAgent).toBe(true)
    expect(readConfig({ HOST: '0.0.0.0' }).localAgent).toBe(false)
    expect(readConfig({ HOST: '0.0.0.0', BREEZE_LOCAL_AGENT: 'on' }).localAgent).toBe(true)
  })
})

describe('a wrong value', () => {
  it.each([
    ['PORT', 'eighty'],
    ['PORT', '70000'],
    ['BREEZE_ENV', 'staging'],
    ['BREEZE_PUBLIC_URL', 'rmm.example.com'],
    ['BREEZE_PUBLIC_URL', 'https://example.com/breeze'],
    ['MCP_REQUIRE_EXECUTE_ADMIN', 'yes'],
    ['MCP_MESSAGE_RATE_LIMIT_PER_MINUTE', '0'],
  ])('of %s ("%s") names the variable', (name, value) => {
    const read = () => readConfig({ [name]: value })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(name)
  })
})
