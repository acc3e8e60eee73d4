import { expect, test } from 'vitest'
import { type Parameter, parameterList, readValues } from './parameters.ts'

const declared: Parameter[] = [
  { name: 'path', type: 'string', required: true, pattern: '/[a-z/]+', max_length: 20 },
  { name: 'days', type: 'number', default: 30, minimum: 1, maximum: 365 },
  { name: 'force', type: 'boolean' },
  { name: 'mode', type: 'choice', choices: ['report', 'delete'], default: 'report' },
  { name: 'pin', type: 'secret', pattern: '[0-9]+' },
]

test('values and defaults become variables, secrets apart from what may be written down', () => {
  expect(readValues(declared, { path: '/var/log', force: true }, { pin: '12345' })).toEqual({
    environment: {
      PARAM_PATH: '/var/log',
      PARAM_DAYS: '30',
      PARAM_FORCE: 'true',
      PARAM_MODE: 'report',
      PARAM_PIN: '12345',
    },
    secretVariables: ['PARAM_PIN'],
    values: { path: '/var/log', days: 30, force: true, mode: 'report' },
    secrets: { pin: '12345' },
    secretNames: ['pin'],
  })
  // Text of a shell is text: it is a value, not a part of the script.
  expect(readValues(null, { anything: '$(id); `id`' }, {}).environment).toEqual({ PARAM_ANYTHING: '$(id); `id`' })
})

test.each([
  [{}, {}, 'path: the script needs it'],
  [{ path: '/x', other: 1 }, {}, 'other: the script has no such parameter'],
  [{ path: '/x', pin: '99' }, {}, 'pin: is a secret'],
  [{ path: '/x; id' }, {}, 'path: must match'],
  [{ path: '/x\nid' }, {}, 'path: must match'],
  [{ path: `/${'x'.repeat(20)}` }, {}, 'path: must have at most 20 characters'],
  [{ path: 7 }, {}, 'path: must be text'],
  [{ path: '/x', days: 0 }, {}, 'days: must be between 1 and 365'],
  [{ path: '/x', days: 'many' }, {}, 'days: must be a number'],
  [{ path: '/x', force: 'yes' }, {}, 'force: must be true or false'],
  [{ path: '/x', mode: 'wipe' }, {}, 'mode: must be one of report, delete'],
  [{ path: '/x' }, { pin: 'qqqq' }, 'pin: must match'],
])('%j with secrets %j is refused: %s', (values, secrets, message) => {
  expect(() => readValues(declared, values, secrets)).toThrow(message)
  try {
    readValues(declared, values, secrets)
  } catch (error) {
    expect(String(error)).not.toMatch(/99|qqqq/)
  }
})

test.each([
  [[{ name: 'A', type: 'string' }]],
  [[{ name: 'path', type: 'choice' }]],
  [[{ name: 'path', type: 'string', choices: ['a'] }]],
  [[{ name: 'path', type: 'string', pattern: '(' }]],
  [[{ name: 'path', type: 'string', minimum: 1 }]],
  [[{ name: 'path', type: 'boolean', default: 'perhaps' }]],
  [[{ name: 'path', type: 'secret', default: 'open' }]],
  [
    [
      { name: 'path', type: 'string' },
      { name: 'path', type: 'number' },
    ],
  ],
])('%j can not be declared', (parameters) => {
  expect(parameterList.safeParse(parameters).success).toBe(false)
})

test('an expression that would try for ever counts as not matching, and soon', () => {
  const slow: Parameter[] = [{ name: 'text', type: 'string', pattern: '(a+)+b' }]
  const began = performance.now()
  expect(() => readValues(slow, { text: 'a'.repeat(900) }, {})).toThrow('must match')
  expect(performance.now() - began).toBeLessThan(1000)
  expect(readValues(slow, { text: 'aab' }, {}).values).toEqual({ text: 'aab' })
})
