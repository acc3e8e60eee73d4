/** What a device calls itself is shown to people and models: one line, nothing hidden in it. */

// Controls, formats (bidi marks, zero-width and tag characters), private use, lone surrogates.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu

/** Null when nothing visible is left. */
export function cleanName(text: string, maximum = 255): string | null {
  const visible = text.replaceAll(/\s+/g, ' ').replaceAll(HIDDEN, '').replaceAll(/ +/g, ' ').trim()
  return visible === '' ? null : [...visible].slice(0, maximum).join('')
}
