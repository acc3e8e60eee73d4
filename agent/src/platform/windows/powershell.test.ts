import { expect, test } from 'vitest'
import { asArray, parsePowershellJson, powershellFailure } from './powershell.ts'

test('a byte order mark and an empty pipeline are read', () => {
  expect(parsePowershellJson('\uFEFF{"Name":"x"}\r\n')).toEqual({ Name: 'x' })
  expect(parsePowershellJson('\r\n')).toEqual([])
})

test('one object and many are both a list', () => {
  expect(asArray({ Name: 'x' })).toEqual([{ Name: 'x' }])
  expect(asArray([1, 2])).toEqual([1, 2])
  expect(asArray(null)).toEqual([])
})

test('a failure tells the first error, and a denial as one', () => {
  const clixml =
    '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">Get-Thing : Access is denied. _x000D__x000A_</S>' +
    '<S S="Error">At line:1 char:1_x000D__x000A_</S></Objs>'
  const error = powershellFailure(clixml, 1)
  expect(error.message).toBe('PowerShell ended with 1: Get-Thing : Access is denied.')
  expect(error).toMatchObject({ code: 'EACCES' })
  expect(powershellFailure('boom\nmore', 2)).not.toHaveProperty('code')
})
