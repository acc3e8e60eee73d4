import { describe, expect, it } from 'vitest'
import { fileContent } from './file-content.ts'

const read = (bytes: Buffer, offset = 0, sizeBytes = bytes.length) =>
  ({ content: bytes.toString('base64'), offset, sizeBytes }) as const

describe('the content of a file', () => {
  it('is text where it is UTF-8, down to its byte order mark', () => {
    const bytes = Buffer.from('\ufeffgrüße\r\n')
    expect(fileContent(read(bytes))).toEqual({ encoding: 'text', content: '\ufeffgrüße\r\n', bytes: bytes.length })
    expect(fileContent(read(Buffer.alloc(0)))).toEqual({ encoding: 'text', content: '', bytes: 0 })
  })

  it('is binary where it holds NUL or is no UTF-8', () => {
    for (const bytes of [Buffer.from('a\0b'), Buffer.from([0xff, 0xfe, 0x41]), Buffer.from('grü', 'latin1')])
      expect(fileContent(read(bytes))).toEqual({
        encoding: 'base64',
        content: bytes.toString('base64'),
        bytes: bytes.length,
      })
  })

  it('leaves a character that a range cuts to the next one', () => {
    const whole = Buffer.from('ab€cd')
    const first = fileContent(read(whole.subarray(0, 4), 0, whole.length))
    expect(first).toEqual({ encoding: 'text', content: 'ab', bytes: 2 })
    expect(fileContent(read(whole.subarray(first.bytes), first.bytes, whole.length)).content).toBe('€cd')
  })

  it('is given byte by byte to whoever asks for base64', () => {
    expect(fileContent(read(Buffer.from('text')), 'base64')).toEqual({
      encoding: 'base64',
      content: 'dGV4dA==',
      bytes: 4,
    })
  })
})
