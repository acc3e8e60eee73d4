import { expect, it } from 'vitest'
import { readCsv } from './csv.ts'

it('reads rows by the names in the head, quoted or not', () => {
  const text =
    '\uFEFFSerial Number,Name,"Ends_On"\r\nABC,"Front, desk",2027-01-01\r\n\r\n"x ""y""\nz",PC-2 , 2028-02-29'
  expect(readCsv(text)).toEqual([
    { line: 2, fields: { 'serial number': 'ABC', name: 'Front, desk', ends_on: '2027-01-01' } },
    { line: 4, fields: { 'serial number': 'x "y"\nz', name: 'PC-2', ends_on: '2028-02-29' } },
  ])
  expect(readCsv('serial;ends_on\nA,B;2027-01-01\n')).toEqual([
    { line: 2, fields: { serial: 'A,B', ends_on: '2027-01-01' } },
  ])
  expect(readCsv('serial,ends_on\nshort')).toEqual([{ line: 2, fields: { serial: 'short', ends_on: '' } }])
  expect(() => readCsv('')).toThrow('empty')
  expect(() => readCsv('a,b\n"never closed')).toThrow('line 2')
})
