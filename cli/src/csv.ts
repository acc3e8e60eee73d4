/** Comma-separated values (RFC 4180): quoted fields may hold commas, line feeds and doubled quotes. */
import { usage } from './failure.ts'

/** The rows below the head, each by the names in it, in lower case. Rows with nothing in them are left out. */
export function readCsv(text: string): { line: number; fields: Record<string, string> }[] {
  const [head, ...rows] = records(text.replace(/^\uFEFF/, ''))
  if (!head) throw usage('The file is empty.')
  const names = head.fields.map((name) => name.trim().toLowerCase())
  return rows.map(({ line, fields }) => ({
    line,
    fields: Object.fromEntries(names.map((name, index) => [name, (fields[index] ?? '').trim()])),
  }))
}

function records(text: string): { line: number; fields: string[] }[] {
  const separator = text.slice(0, text.indexOf('\n') + 1 || text.length).includes(';') ? ';' : ','
  const found: { line: number; fields: string[] }[] = []
  let fields: string[] = []
  let field = ''
  let quoted = false
  let line = 1
  let begun = 1
  const end = (): void => {
    fields.push(field)
    if (fields.some((one) => one.trim() !== '')) found.push({ line: begun, fields })
    fields = []
    field = ''
  }
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '\n') line += 1
    if (quoted) {
      if (character !== '"') field += character
      else if (text[at + 1] === '"') {
        field += '"'
        at += 1
      } else quoted = false
    } else if (character === '"' && field.trim() === '') {
      quoted = true
      field = ''
    } else if (character === separator) {
      fields.push(field)
      field = ''
    } else if (character === '\n') {
      end()
      begun = line
    } else if (character !== '\r') field += character
  }
  if (quoted) throw usage(`A quote in line ${begun} has no end.`)
  end()
  return found
}
