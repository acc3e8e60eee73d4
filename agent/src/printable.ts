/**
 * Text of the system as one line of at most `length` characters: control characters, which could drive a terminal and
 * swell to six bytes each in JSON, become blanks.
 */
export function printableLine(text: string, length: number): string {
  return clean(text.slice(0, length * 2), /[\p{Cc}\u2028\u2029]+/gu, length)
}

/** The same with line feeds and tabs kept, for messages of several lines. */
export function printableText(text: string, length: number): string {
  const lines = text.slice(0, length * 2).replaceAll('\r\n', '\n')
  return clean(lines, /(?:(?![\n\t])[\p{Cc}\u2028\u2029])+/gu, length)
}

function clean(text: string, control: RegExp, length: number): string {
  const plain = text.replaceAll(control, ' ').trim()
  return (plain.length <= length ? plain : plain.slice(0, length)).toWellFormed()
}
